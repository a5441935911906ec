// SSD: selective synaptic dampening, without training (Foster, Schoepf and Brintrup, "Fast Machine
// Unlearning Without Retraining Through Selective Synaptic Dampening", arXiv 2308.07707).
#pragma once

#include "expunge/core/options.h"
#include "expunge/unlearn/unlearner.h"

namespace expunge {

/// With I_S and I_F the importance of a parameter on S and on F, each the mean over examples of the
/// squared gradient of that example's cross-entropy (the diagonal of the empirical Fisher matrix),
/// a parameter w with I_F > alpha I_S becomes min(lambda I_S / I_F, 1) w.
///
/// Gradients are taken example by example, in Mode::eval; running statistics do not change.
/// Deviation: the authors' code squares the gradient of batches' mean losses; here it is each
/// example's, as in the paper's formula.
struct SynapticDampeningOptions {
  double alpha = 10;
  double lambda = 1;

  void validate() const;
};
OptionGroup options_of(SynapticDampeningOptions& options);

class SynapticDampening final : public Unlearner {
 public:
  explicit SynapticDampening(const SynapticDampeningOptions& options);
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;

 private:
  SynapticDampeningOptions options_;
};

/// (p) float64: sum over `members` of the squared gradient of their cross-entropy, in Mode::eval. The
/// network's gradient() may be overwritten. A LayeredNetwork of linear layers takes batches: a
/// sample's gradient is the outer product of its output gradient g and input a, so that the sum of
/// squares is (g o g)' (a o a). Any other goes through squared_gradients_one_by_one().
torch::Tensor squared_gradients(Network& network, const TrainingData& data,
                                std::span<const int64_t> members);

/// The same for any network, by a forward and a backward pass for each example.
torch::Tensor squared_gradients_one_by_one(Network& network, const TrainingData& data,
                                           std::span<const int64_t> members);

}  // namespace expunge
