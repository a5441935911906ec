#include "expunge/attribution/attribution_options.h"

namespace expunge {

void AttributionOptions::validate() const {
  ridge.validate();
  lasso.validate();
}

OptionGroup options_of(AttributionOptions& o) {
  OptionGroup group("attribution", "How the effect of training examples is estimated");
  group
      .add("estimator", o.estimator, {{"ridge", Estimator::ridge}, {"lasso", Estimator::lasso}},
           "datamodels by ridge regression, or by LASSO (options lasso_...)")
      .include(options_of(o.ridge))
      .include(options_of(o.lasso));
  return group;
}

}  // namespace expunge
