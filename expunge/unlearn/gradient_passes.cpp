#include "expunge/unlearn/gradient_passes.h"

#include <cmath>

#include "expunge/core/error.h"
#include "expunge/train/loss.h"
#include "expunge/train/trainer.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge {

void SteppingOptions::validate() const {
  require_option(learning_rate > 0 && std::isfinite(learning_rate), "learning_rate",
                 "a number above 0", learning_rate);
  require_option(epochs > 0, "epochs", "a whole number above 0", static_cast<double>(epochs));
  require_option(batch_size > 0, "batch_size", "a whole number above 0",
                 static_cast<double>(batch_size));
  optimiser.validate();
}

OptionGroup options_of(SteppingOptions& o) {
  OptionGroup group("stepping", "How gradient steps are taken");
  group.add("learning_rate", o.learning_rate, "learning rate, constant")
      .add("epochs", o.epochs, "epochs of unlearning", "epochs")
      .add("batch_size", o.batch_size, "examples of one step", "examples")
      .add("optimiser", o.optimiser.kind,
           {{"sgd", OptimiserKind::sgd},
            {"adam", OptimiserKind::adam},
            {"adamw", OptimiserKind::adamw}},
           "what turns a gradient into a step")
      .add("momentum", o.optimiser.momentum, "momentum of sgd")
      .add("weight_decay", o.optimiser.weight_decay, "pull of every parameter towards 0")
      .add("train_mode", o.train_mode, "BatchNorm by batch statistics, as in training");
  return group;
}

GradientPasses::GradientPasses(Network& network, const UnlearnTask& task,
                               const SteppingOptions& options)
    : network_(network),
      task_(task),
      options_(options),
      inputs_(task.problem.training.inputs.to(network.parameters().scalar_type())),
      parameters_(network.parameters()),
      optimiser_(options.optimiser, parameters_) {}

void GradientPasses::run(std::vector<int64_t> points, int64_t batch_size, const BatchLoss& loss,
                         const AfterStep& after_step) {
  CounterRng rng(derive_seed(task_.seed, "unlearning pass", passes_++));
  points = draw(points, static_cast<int64_t>(points.size()), rng);
  torch::Tensor inputs;
  torch::Tensor labels;
  torch::Tensor logit_gradient;
  for (size_t begin = 0; begin < points.size(); begin += static_cast<size_t>(batch_size)) {
    const size_t size = std::min(points.size() - begin, static_cast<size_t>(batch_size));
    const std::span<const int64_t> members(points.data() + begin, size);
    gather_rows(inputs_, members, inputs);
    gather_rows(task_.problem.training.labels, members, labels);
    const auto logits = network_.forward(inputs, options_.train_mode ? Mode::train : Mode::eval);
    logit_gradient = torch::empty_like(logits);
    const double value = loss({members, inputs, labels, logits}, logit_gradient);
    if (!std::isfinite(value)) {
      fail<NonFiniteError>("unlearning diverged: loss {} in pass {}, at example {} of {}", value,
                           passes_, begin, points.size());
    }
    network_.backward(logit_gradient);
    optimiser_.step(parameters_, network_.gradient(), options_.learning_rate);
    if (after_step) after_step(parameters_);
    count(static_cast<double>(size));
  }
  if (task_.after_pass) task_.after_pass(network_, summary_.sample_gradients);
}

void GradientPasses::ascend(std::vector<int64_t> points, int64_t batch_size,
                            const BatchLoss& loss) {
  run(std::move(points), batch_size, [&](const Batch& batch, torch::Tensor& logit_gradient) {
    const double value = loss(batch, logit_gradient);
    logit_gradient.neg_();
    return -value;
  });
}

double label_loss(const GradientPasses::Batch& batch, torch::Tensor& logit_gradient) {
  return cross_entropy(batch.logits, batch.labels, logit_gradient);
}

}  // namespace expunge
