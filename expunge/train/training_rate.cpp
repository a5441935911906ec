#include "expunge/train/training_rate.h"

#include <algorithm>
#include <chrono>

#include "expunge/core/temporary_folder.h"
#include "expunge/core/worker_pool.h"
#include "expunge/train/ensemble.h"

namespace expunge {

TrainingRate measure_training_rate(const Problem& problem, const Recipe& recipe, int64_t workers) {
  constexpr double long_enough = 2;  // seconds
  const int64_t examples = std::min(problem.n(), 2 * recipe.batch_size);
  Problem small = problem;
  small.inputs = problem.inputs.narrow(0, 0, examples);
  small.labels = problem.labels.narrow(0, 0, examples);
  small.training = {small.inputs, small.labels};
  auto once = recipe;
  once.epochs = 1;

  const TemporaryFolder folder("expunge-rate");
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds_since = [](auto start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const auto train = [&](int64_t models) {
    const auto start = std::chrono::steady_clock::now();
    EnsembleSpec spec;
    spec.name = "rate";
    spec.models = models;
    train_ensemble(folder.path() / std::to_string(models), spec, once, small, workers);
    return seconds_since(start);
  };
  // A forward pass of each example, for its logits, is a third of a sample gradient.
  const double cost = static_cast<double>(examples) * (1.0 + 1.0 / 3);
  // What starting costs is in both runs.
  int64_t models = problem.device().is_cpu() ? worker_count(workers) : 16;
  double last = train(models);
  double rate = cost * static_cast<double>(models) / last;
  while (seconds_since(begin) < long_enough) {
    const double took = train(2 * models);
    rate = cost * static_cast<double>(models) / std::max(took - last, took / 8);
    last = took;
    models *= 2;
  }
  return {rate, seconds_since(begin)};
}

}  // namespace expunge
