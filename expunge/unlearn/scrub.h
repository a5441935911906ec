// SCRUB: moving away from the full model on F while staying with it on R (Kurmanji et al.,
// "Towards Unbounded Machine Unlearning", arXiv 2302.09880).
#pragma once

#include "expunge/unlearn/gradient_passes.h"

namespace expunge {

/// The student starts as the full model, which is also the teacher; d is their distillation()
/// distance (train/loss.h). Each epoch takes
///   in the first ascent_epochs epochs, a pass uphill on     mean over F of d(x)
///   in every epoch, a pass downhill on
///       mean over R of alpha d(x) + gamma cross-entropy(x, y)
/// so that passes downhill remain at the end to mend R. The paper's msteps are ascent_epochs.
///
/// rewind (SCRUB+R): of the students after each epoch, the one whose error on F is closest to a
/// reference is taken, the last of equals. The reference is the final student's error on validation
/// points, each class weighted as in F: what the error on examples like those of F would be had
/// they not been trained on.
///
/// Deviations from the paper: the learning rate is constant, and the reference comes from the
/// validation points by class weights, not from a held-out set drawn as F was.
struct ScrubOptions {
  SteppingOptions stepping;
  int64_t ascent_epochs = 3;
  int64_t forget_batch_size = 32;
  double alpha = 0.001;
  double gamma = 0.99;
  double temperature = 4;
  bool rewind = false;

  void validate() const;
};
OptionGroup options_of(ScrubOptions& options);

class Scrub final : public Unlearner {
 public:
  explicit Scrub(const ScrubOptions& options);
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;

 private:
  ScrubOptions options_;
};

/// Share of the points with logits (B, C) whose largest logit is not at their label (B), each
/// point weighted by `weights` (B). The reference and the error that rewinding compares.
double weighted_error(const torch::Tensor& logits, const torch::Tensor& labels,
                      const torch::Tensor& weights);

}  // namespace expunge
