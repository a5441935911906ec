// How LASSO datamodels are fitted.
#pragma once

#include <cstdint>
#include <optional>

#include "expunge/core/options.h"

namespace expunge {

/// How the penalty is chosen on held-out subset models:
///   each    every target (a point's logit of a class) has its own, as in Ilyas et al.
///   shared  one for all targets, by their squared errors together
enum class LassoChoice { each, shared };

struct LassoOptions {
  LassoChoice choice = LassoChoice::each;
  /// The same penalty for all targets, in logits times a share of models (the objective is
  /// |residual|^2 / (2 N) + lambda |effects|_1); where it is not set it is chosen.
  std::optional<double> lambda = {};
  double held_out = 0.2;    // share of the subset models that the choice looks at: the last ones
  int64_t path_steps = 16;  // penalties that are tried, evenly apart in the logarithm
  double path_end = 0.03;   // the least of them, as a share of the largest useful one
  double tolerance = 1e-3;  // of the duality gap, as a share of half a target's variance
  int64_t workers = 0;      // threads, 0: one a processor; the result does not depend on it

  /// Throws OptionError.
  void validate() const;
};

/// Names with the prefix lasso_, so that they can stand beside the ridge's.
OptionGroup options_of(LassoOptions& options);

}  // namespace expunge
