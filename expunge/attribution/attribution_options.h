// Which estimator of the training examples' effects, and its settings.
#pragma once

#include "expunge/attribution/gradient_options.h"
#include "expunge/attribution/lasso_options.h"
#include "expunge/attribution/ridge_options.h"

namespace expunge {

/// ridge    subset_datamodels.h, with a prior of its own for an example's effect on itself
/// carried  the same, and its effect on other points by the networks' tangent kernel (carried_effects.h)
/// lasso    lasso_datamodels.h, the paper's
/// trak     trak.h, by gradients of full models
/// ekfac    ekfac.h, by gradients and curvature of full models
/// automatic  "auto": carried where the kernel can be had (pipeline/network_kernel.h says when), else ridge
enum class Estimator { automatic, ridge, carried, lasso, trak, ekfac };

struct AttributionOptions {
  Estimator estimator = Estimator::automatic;
  RidgeOptions ridge;
  LassoOptions lasso;
  TrakOptions trak;
  EkfacOptions ekfac;

  /// Throws OptionError.
  void validate() const;
};

/// The group "attribution": the ridge's settings by their names, the others' with the prefixes
/// lasso_, trak_ and ekfac_.
OptionGroup options_of(AttributionOptions& options);

}  // namespace expunge
