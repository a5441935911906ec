// Models trained a second, and what share of the machine's multiply-add rate that is.
//
//   train_benchmark [--models 32] [--workers 2] [--data FOLDER]
//
// Prints one JSON line. The recipe is the library's default: MLP 784-128-10 on the first 1,000
// training images of Fashion-MNIST, 20 epochs in batches of 50.
#include <ATen/ops/cat.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <vector>

#include "expunge/core/error.h"
#include "expunge/core/fma_peak.h"
#include "expunge/core/worker_pool.h"
#include "expunge/data/load.h"
#include "expunge/train/ensemble.h"

namespace expunge {
namespace {

struct Arguments {
  int64_t models = 32;
  int64_t workers = 2;
  DataOptions data{.train_examples = 1000, .validation_examples = 100};
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) fail<OptionError>("option {}: a value required", name);
    if (name == "--models") {
      arguments.models = std::atoll(argv[i + 1]);
    } else if (name == "--workers") {
      arguments.workers = std::atoll(argv[i + 1]);
    } else if (name == "--data") {
      arguments.data.path = argv[i + 1];
    } else {
      fail<OptionError>("options --models, --workers and --data expected, got {}", name);
    }
  }
  return arguments;
}

/// Operations that one training cannot do without, in 10^9: two for every weight and example, for
/// the layers' outputs, their weight gradients, and their input gradients but the first one's.
double needed_gflop(const Recipe& recipe, const NetworkShape& shape, int64_t examples) {
  int64_t in = shape.channels * shape.height * shape.width;
  std::vector<int64_t> outs = recipe.network.hidden;
  outs.push_back(shape.classes);
  double a_sample = 0;
  for (size_t layer = 0; layer < outs.size(); ++layer) {
    a_sample += 2.0 * static_cast<double>(in * outs[layer]) * (layer == 0 ? 2 : 3);
    in = outs[layer];
  }
  return a_sample * static_cast<double>(examples * recipe.epochs) / 1e9;
}

void run(const Arguments& arguments) {
  const Problem problem = make_problem(load_data(arguments.data));
  const Recipe recipe;
  EnsembleSpec spec;
  spec.name = "benchmark";
  spec.models = arguments.models;
  double weight_sum = 0;  // of model 0: the same for any number of workers
  const double before = fma_peak(arguments.workers);
  parallel_for(arguments.workers, arguments.workers,
               [&](int64_t row) { train_member(spec, recipe, problem, row); });
  const auto begin = std::chrono::steady_clock::now();
  parallel_for(arguments.models, arguments.workers, [&](int64_t row) {
    const auto network = train_member(spec, recipe, problem, row);
    if (row == 0) weight_sum = network->parameters().sum(torch::kFloat64).item<double>();
  });
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double after = fma_peak(arguments.workers);
  const double models_per_s = static_cast<double>(arguments.models) / seconds;
  const double gflops =
      models_per_s * needed_gflop(recipe, problem.shape, problem.training.labels.size(0));
  fmt::print(
      "{{\"workers\": {}, \"models\": {}, \"models_per_s\": {:.3f}, \"gflop_per_s\": {:.1f}, "
      "\"fma_peak_before\": {:.1f}, \"fma_peak_after\": {:.1f}, \"share_of_peak\": {:.3f}, "
      "\"weight_sum\": {:.17g}}}\n",
      arguments.workers, arguments.models, models_per_s, gflops, before, after,
      2 * gflops / (before + after), weight_sum);
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) try {
  expunge::run(expunge::parse(argc, argv));
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::fprintf(stderr, "train_benchmark: %s\n", error.what());
  return EXIT_FAILURE;
}
