#include "expunge/attribution/attribution_options.h"

namespace expunge {

void AttributionOptions::validate() const {
  ridge.validate();
  lasso.validate();
  trak.validate();
  ekfac.validate();
}

OptionGroup options_of(AttributionOptions& o) {
  OptionGroup group("attribution", "How the effect of training examples is estimated");
  group
      .add("estimator", o.estimator,
           {{"auto", Estimator::automatic},
            {"ridge", Estimator::ridge},
            {"carried", Estimator::carried},
            {"lasso", Estimator::lasso},
            {"trak", Estimator::trak},
            {"ekfac", Estimator::ekfac}},
           "datamodels by ridge regression, the same with effects on other points carried over by "
           "the networks' tangent kernel (auto: carried where it can be had, else ridge), or by "
           "LASSO; or gradients of full models by TRAK or EK-FAC")
      .include(options_of(o.ridge))
      .include(options_of(o.lasso))
      .include(options_of(o.trak))
      .include(options_of(o.ekfac));
  return group;
}

}  // namespace expunge
