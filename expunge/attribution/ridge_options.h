// How subset datamodels are fitted.
#pragma once

#include <cstdint>
#include <optional>

#include "expunge/core/options.h"

namespace expunge {

/// The prior variance D_j of the training examples' effects on evaluation point j, in units of that
/// of an ordinary effect. It matters for points that are training examples themselves:
///   own       the effect of example j on its own logits has no prior at all (a fixed effect; compare
///             the memorisation estimate of Feldman and Zhang, arXiv 2008.03703), all others 1
///   adaptive  as own, then each own effect is shrunk towards those of the examples that the models
///             fit alike, by as much as its noise asks for and at most 1.75 standard deviations
///             (own_effect_shrinkage.h): better the fewer models there are (docs/experiments/own-effects.md)
///   local     as adaptive, but before it is shrunk each example's logits are compared with those of
///             the points nearest to it in the same model, whose luck they share (local_effects.h):
///             the best with few models (docs/experiments/model-count.md)
///   self      the own effect has variance 1 + self_variance
///   none      all 1: plain ridge regression
///   automatic "auto": local, or adaptive where local would take more than 1e13 operations (resolved_prior())
enum class EffectPrior { automatic, own, adaptive, local, self, none };

struct RidgeOptions {
  EffectPrior prior = EffectPrior::automatic;
  /// The penalty. Where neither is set it is chosen by squared error on held-out subset models; a
  /// ratio r stands for lambda = r n alpha (1 - alpha), which carries over between sizes and alphas.
  std::optional<double> lambda;
  std::optional<double> lambda_ratio;
  /// Of EffectPrior::self; 0.03 n where it is not set.
  std::optional<double> self_variance;
  int64_t folds = 5;               // of the choice of lambda
  int64_t held_out_points = 1000;  // evaluation points of the choice of lambda, drawn uniformly
  int64_t seed = 0;                // of that draw
  int64_t workers = 0;             // threads, 0: one a processor; the result does not depend on it

  /// Throws OptionError.
  void validate() const;
};

/// What EffectPrior::automatic is for `models` subset models of `examples` training examples and `classes`
/// logits; any other prior is itself. 1e13 operations (local_effects.h counts them) are minutes on two cores, and
/// many models: some 2,200 of 2,000 examples, 620 of 50,000 (10 classes).
EffectPrior resolved_prior(EffectPrior prior, int64_t models, int64_t examples, int64_t classes);

/// The group "attribution".
OptionGroup options_of(RidgeOptions& options);

}  // namespace expunge
