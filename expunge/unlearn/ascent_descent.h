// Gradient ascent on F, gradient descent on R, and the two in turn.
//
// The three oldest baselines: ascent (Graves, Nagisetty and Ganesh, arXiv 2010.10981; Jang et al.,
// arXiv 2210.01504), fine-tuning on what is retained (Golatkar, Achille and Soatto, arXiv
// 1911.04933, compare with it), and ascent followed by descent (GDA, as in Attribute-to-Delete,
// arXiv 2410.23232, and Kurmanji et al., arXiv 2302.09880). Deviations: the learning rate is
// constant, and one optimiser's momentum runs through both kinds of passes.
#pragma once

#include "expunge/unlearn/gradient_passes.h"

namespace expunge {

/// Each epoch one pass uphill on the cross-entropy of F.
class GradientAscent final : public Unlearner {
 public:
  explicit GradientAscent(const SteppingOptions& options);
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;

 private:
  SteppingOptions options_;
};

/// Each epoch one pass downhill on the cross-entropy of R: F is forgotten as far as training on
/// without it makes the network forget.
class GradientDescent final : public Unlearner {
 public:
  explicit GradientDescent(const SteppingOptions& options);
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;

 private:
  SteppingOptions options_;
};

/// In each of the first `ascent_epochs` epochs a pass uphill on F comes before the pass downhill on
/// R; the other epochs only descend.
struct AscentDescentOptions {
  SteppingOptions stepping;
  int64_t ascent_epochs = 3;
  int64_t forget_batch_size = 32;

  void validate() const;
};
OptionGroup options_of(AscentDescentOptions& options);

class AscentDescent final : public Unlearner {
 public:
  explicit AscentDescent(const AscentDescentOptions& options);
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;

 private:
  AscentDescentOptions options_;
};

}  // namespace expunge
