// Fine-tuning with wrong labels on F: random labels, and SalUn, which moves salient weights only.
#pragma once

#include "expunge/unlearn/gradient_passes.h"

namespace expunge {

/// Each epoch a pass over F and R together, downhill on the cross-entropy, where each example of F
/// has a label drawn once, uniformly among the other classes (random labels: Golatkar, Achille and
/// Soatto, arXiv 1911.04933; Graves, Nagisetty and Ganesh, arXiv 2010.10981).
///
/// saliency_share < 1 is SalUn (Fan et al., "SalUn: Empowering Machine Unlearning via
/// Gradient-based Weight Saliency", arXiv 2310.12508): only that share of the parameters moves,
/// those with the largest |gradient of the mean cross-entropy on F| at the full model; the others
/// keep its values. The paper's hard threshold is the median, a share of 0.5.
///
/// retain_share < 1 draws that share of R for each epoch anew. Deviation from SalUn's paper: its
/// weight on R's loss is 1.
struct RelabellingOptions {
  SteppingOptions stepping;
  double saliency_share = 0.5;
  double retain_share = 1;

  void validate() const;
};
OptionGroup options_of(RelabellingOptions& options);

class Relabelling final : public Unlearner {
 public:
  explicit Relabelling(const RelabellingOptions& options);
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;

 private:
  RelabellingOptions options_;
};

/// (p) bool: the round(share p) parameters, at least one, with the largest |gradient|; of equals the
/// first.
torch::Tensor salient(const torch::Tensor& gradient, double share);

}  // namespace expunge
