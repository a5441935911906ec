// What every method that takes gradient steps shares: its options, and passes over examples.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "expunge/core/kept_memory.h"
#include "expunge/core/options.h"
#include "expunge/train/optimiser.h"
#include "expunge/unlearn/unlearner.h"

namespace expunge {

/// How gradient steps are taken, at a constant learning rate. One optimiser, with its momentum,
/// serves all passes of a method.
struct SteppingOptions {
  double learning_rate = 1e-3;
  int64_t epochs = 5;
  int64_t batch_size = 64;
  OptimiserOptions optimiser{.nesterov = false};
  bool train_mode = true;  // BatchNorm by batch statistics, as in training

  void validate() const;
};
OptionGroup options_of(SteppingOptions& options);

/// Passes over examples of a task's training set, in an order drawn from (task.seed, number of the
/// pass). Counts their work, and calls the task's observer after each. Internal.
class GradientPasses {
 public:
  /// The network and the task must outlive it.
  GradientPasses(Network& network, const UnlearnTask& task, const SteppingOptions& options);

  /// A batch's members (indices into S), inputs (B, ...), labels (B) and current logits (B, C).
  struct Batch {
    std::span<const int64_t> members;
    const torch::Tensor& inputs;
    const torch::Tensor& labels;
    const torch::Tensor& logits;
  };
  /// Returns a batch's loss and writes d(loss)/d(logits) (B, C).
  using BatchLoss = std::function<double(const Batch& batch, torch::Tensor& logit_gradient)>;
  /// May change the parameters after a step, e.g. to keep some of them as they were.
  using AfterStep = std::function<void(torch::Tensor& parameters)>;

  /// One pass: a step down `loss` for each batch of `points`. NonFiniteError if the loss diverges.
  void run(std::vector<int64_t> points, int64_t batch_size, const BatchLoss& loss,
           const AfterStep& after_step = {});
  /// The same, uphill.
  void ascend(std::vector<int64_t> points, int64_t batch_size, const BatchLoss& loss);

  /// Adds work that a loss does on top, such as a teacher's forward pass.
  void count(double sample_gradients) { summary_.sample_gradients += sample_gradients; }
  [[nodiscard]] const UnlearnSummary& summary() const { return summary_; }

 private:
  KeptMemory memory_;  // from step to step
  Network& network_;
  const UnlearnTask& task_;
  const SteppingOptions& options_;
  torch::Tensor inputs_;
  torch::Tensor parameters_;
  Optimiser optimiser_;
  uint64_t passes_ = 0;
  UnlearnSummary summary_;
};

/// Cross-entropy against the batch's labels: the loss of training.
double label_loss(const GradientPasses::Batch& batch, torch::Tensor& logit_gradient);

}  // namespace expunge
