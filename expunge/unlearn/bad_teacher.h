// Bad-T: an incompetent teacher on F, the full model on R (Chundawat et al., "Can Bad Teaching
// Induce Forgetting?", arXiv 2205.08096).
#pragma once

#include "expunge/train/recipe.h"
#include "expunge/unlearn/gradient_passes.h"

namespace expunge {

/// Each epoch a pass over F and retain_share of R, drawn anew, downhill on the distillation()
/// distance (train/loss.h) to a freshly initialised network on F, and to the full model on R.
struct BadTeacherOptions {
  SteppingOptions stepping;
  double retain_share = 0.3;  // the paper's
  double temperature = 1;

  void validate() const;
};
OptionGroup options_of(BadTeacherOptions& options);

class BadTeacher final : public Unlearner {
 public:
  /// `network` is the architecture of the networks that it will be given.
  BadTeacher(const BadTeacherOptions& options, const NetworkOptions& network);
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;

 private:
  BadTeacherOptions options_;
  NetworkOptions architecture_;
};

}  // namespace expunge
