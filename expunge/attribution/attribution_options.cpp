#include "expunge/attribution/attribution_options.h"

namespace expunge {

void AttributionOptions::validate() const {
  ridge.validate();
  lasso.validate();
}

OptionGroup options_of(AttributionOptions& o) {
  OptionGroup group("attribution", "How the effect of training examples is estimated");
  group
      .add("estimator", o.estimator,
           {{"ridge", Estimator::ridge},
            {"carried", Estimator::carried},
            {"lasso", Estimator::lasso}},
           "datamodels by ridge regression, the same with effects on other points carried over by "
           "the "
           "networks' tangent kernel, or by LASSO (options lasso_...)")
      .include(options_of(o.ridge))
      .include(options_of(o.lasso));
  return group;
}

}  // namespace expunge
