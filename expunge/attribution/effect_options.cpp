#include "expunge/attribution/effect_options.h"

namespace expunge {

RidgeOptions EffectOptions::ridge(EffectPrior prior) const {
  RidgeOptions options;
  options.prior = prior;
  options.lambda_ratio = lambda_ratio;
  options.seed = seed;
  options.workers = workers;
  return options;
}

void EffectOptions::validate() const {
  ridge(EffectPrior::own).validate();
}

OptionGroup options_of(EffectOptions& o) {
  OptionGroup group("effects", "The ridge regression of outputs on masks");
  group
      .add("lambda_ratio", o.lambda_ratio,
           "penalty of the ridge; auto: chosen by squared error on held-out subset models",
           "units of n alpha (1 - alpha)")
      .add("seed", o.seed,
           "seed of the held-out points that the choice looks at, and of a search for components");
  return group;
}

}  // namespace expunge
