// How effects of training examples on outputs of subset models are regressed.
#pragma once

#include <cstdint>
#include <optional>

#include "expunge/attribution/ridge_options.h"

namespace expunge {

struct EffectOptions {
  /// The ridge's penalty is r n alpha (1 - alpha). Where r is not set it is chosen by squared error of
  /// outputs on held-out subset models, as RidgeOptions says.
  std::optional<double> lambda_ratio;
  int64_t seed = 0;     // of the points that the choice looks at, and of a search for components
  int64_t workers = 0;  // threads, 0: one a processor; the result does not depend on it

  /// Throws OptionError.
  void validate() const;
  /// The same for choose_lambda().
  [[nodiscard]] RidgeOptions ridge(EffectPrior prior) const;
};
/// The group "effects".
OptionGroup options_of(EffectOptions& options);

}  // namespace expunge
