#include "expunge/unlearn/gradient_matching.h"

#include <cmath>

#include "expunge/core/error.h"
#include "expunge/core/kept_memory.h"
#include "expunge/train/loss.h"
#include "expunge/train/optimiser.h"
#include "expunge/train/trainer.h"
#include "expunge/unlearn/matching_task.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge::matching {

UnlearnSummary match_by_gradient(Network& network, const UnlearnTask& task,
                                 const GradientMatchingOptions& options,
                                 RetainTargets retain_targets) {
  const auto forget = static_cast<int64_t>(task.forget.size());
  const auto retained = retained_examples(task);
  const int64_t retain_count =
      std::min<int64_t>(options.retain_multiplier * forget, static_cast<int64_t>(retained.size()));
  const int64_t per_epoch = options.forget_multiplier * forget + retain_count;
  const int64_t batches = (per_epoch + options.batch_size - 1) / options.batch_size;
  const int64_t steps = batches * options.epochs;
  const ScheduleOptions schedule{.kind = options.schedule,
                                 .peak_learning_rate = options.learning_rate};

  const auto dtype = network.parameters().scalar_type();
  const auto inputs = task.problem.inputs.to(dtype);
  const auto targets = task.targets.to(network.parameters().device(), dtype);
  // The full model, whose logits hold the retained examples in place.
  const auto original = retain_targets == RetainTargets::own ? network.clone() : nullptr;

  UnlearnSummary summary;
  const auto forget_inputs = rows(inputs, task.forget);
  summary.forget_error_before = forget_error(network.forward(forget_inputs, Mode::eval), task);

  std::vector<bool> is_forgotten(static_cast<size_t>(task.problem.n()), false);
  for (const int64_t index : task.forget) is_forgotten[static_cast<size_t>(index)] = true;
  const KeptMemory memory;
  auto parameters = network.parameters();
  Optimiser optimiser(options.optimiser, parameters);
  torch::Tensor batch;
  torch::Tensor logit_gradient;
  int64_t step = 0;
  for (int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    CounterRng rng(derive_seed(task.seed, "matching epoch", static_cast<uint64_t>(epoch)));
    std::vector<int64_t> points = draw(retained, retain_count, rng);
    for (int64_t k = 0; k < options.forget_multiplier; ++k) {
      points.insert(points.end(), task.forget.begin(), task.forget.end());
    }
    points = draw(points, static_cast<int64_t>(points.size()), rng);  // shuffled
    for (size_t begin = 0; begin < points.size();
         begin += static_cast<size_t>(options.batch_size), ++step) {
      const size_t count = std::min(points.size() - begin, static_cast<size_t>(options.batch_size));
      const std::span<const int64_t> members(points.data() + begin, count);
      gather_rows(inputs, members, batch);
      auto wanted = rows(targets, members);
      if (original != nullptr) {
        const auto own = original->forward(batch, Mode::eval);
        for (size_t i = 0; i < count; ++i) {
          if (is_forgotten[static_cast<size_t>(members[i])]) continue;
          wanted[static_cast<int64_t>(i)].copy_(own[static_cast<int64_t>(i)]);
          summary.sample_gradients += 1.0 / 3;
        }
      }
      const auto logits = network.forward(batch, options.train_mode ? Mode::train : Mode::eval);
      logit_gradient = torch::empty_like(logits);
      const double loss = mean_squared_error(logits, wanted, logit_gradient);
      if (!std::isfinite(loss)) {
        fail<NonFiniteError>("gradient matching diverged: loss {} at step {} of {}", loss, step,
                             steps);
      }
      network.backward(logit_gradient);
      optimiser.step(parameters, network.gradient(), learning_rate(schedule, step, steps));
      summary.sample_gradients += static_cast<double>(count);
    }
    if (task.after_pass) task.after_pass(network, summary.sample_gradients);
  }
  summary.forget_error_after = forget_error(network.forward(forget_inputs, Mode::eval), task);
  return summary;
}

}  // namespace expunge::matching
