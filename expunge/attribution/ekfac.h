// Influence with an eigenvalue-corrected Kronecker approximation of the curvature (Grosse et al., arXiv
// 2308.03296; the curvature: eigen_curvature.h).
//
// A model that minimises the mean loss over S moves, if examples are removed, by about
//     (1/n) M^-1 times the sum of their losses' gradients,
// M the Fisher matrix of the model (labels drawn from its own probabilities), damped; its logits move by
// their derivative along that, and the score of example i on a point's margin f is
//     s_i(x) = -(1/n) grad f(x)' M^-1 grad loss_i .
//
// Deviations. Averaged over models of several seeds. All layers with parameters take part: BatchNorm's by
// a diagonal and its running statistics. Weight decay is not added to M; the damping stands for it.
#pragma once

#include "expunge/attribution/gradient_attributor.h"
#include "expunge/attribution/gradient_options.h"

namespace expunge {

class EkfacInfluence final : public GradientAttributor {
 public:
  /// See GradientAttributor. Takes the first options.models of the models. Throws OptionError.
  EkfacInfluence(TrainedModels models, const Problem& problem, const EkfacOptions& options,
                 int64_t workers = 0);

 private:
  [[nodiscard]] std::unique_ptr<ModelEffects> effects_of(const LayeredNetwork& network,
                                                         int64_t model) const override;

  EkfacOptions options_;
};

}  // namespace expunge
