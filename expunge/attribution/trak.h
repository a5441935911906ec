// TRAK: attribution by projected gradients of the margin (Park et al., arXiv 2303.14186).
//
// For one model let phi_i = P'grad f(x_i), f the margin, be the projected gradient of training example i,
// Phi (n, k) all of them, and q_i = 1 - p_i, p_i the probability of i's label, which is minus the
// derivative of its loss in f. The score of i on the margin of a point x is
//     s_i(x) = (P'grad f(x))' (Phi'Phi + lambda I)^-1 phi_i q_i
// (equation 13 there for one model; logistic regression's Newton step with its weights p (1 - p) left
// out). Removing a set moves the parameters by -P (Phi'Phi + lambda I)^-1 times the sum of its phi_i q_i,
// and logits by their derivative along that.
//
// Deviations. Scores of several models are averaged, where the paper averages the first factor and q
// apart. Models are trained on all of S. Projections are sums of products (gradient_projection.h), of
// another seed for each model. lambda = damp times the mean of the diagonal of Phi'Phi. BatchNorm: by its
// running statistics, its weights and biases are parameters like others.
#pragma once

#include "expunge/attribution/gradient_attributor.h"
#include "expunge/attribution/gradient_options.h"

namespace expunge {

class Trak final : public GradientAttributor {
 public:
  /// See GradientAttributor. Takes the first options.models of the models. Throws OptionError.
  Trak(TrainedModels models, const Problem& problem, const TrakOptions& options,
       int64_t workers = 0);

 private:
  [[nodiscard]] std::unique_ptr<ModelEffects> effects_of(const LayeredNetwork& network,
                                                         int64_t model) const override;

  TrakOptions options_;
};

}  // namespace expunge
