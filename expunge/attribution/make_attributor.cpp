#include "expunge/attribution/make_attributor.h"

#include "expunge/attribution/lasso_datamodels.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/core/error.h"

namespace expunge {

std::unique_ptr<Attributor> make_attributor(const AttributionOptions& options,
                                            const torch::Tensor& masks, const torch::Tensor& logits,
                                            const CarriedEffects* carried, int64_t workers,
                                            ProgressSink* progress) {
  options.validate();
  if (options.estimator == Estimator::trak || options.estimator == Estimator::ekfac) {
    fail<OptionError>(
        "option estimator: one that is fitted to subset models required (auto, ridge, carried, "
        "lasso), got one that takes gradients of full models");
  }
  if (options.estimator == Estimator::lasso) {
    auto lasso = options.lasso;
    lasso.workers = workers;
    return std::make_unique<LassoDatamodels>(LassoDatamodels::fit(masks, logits, lasso, progress));
  }
  auto ridge = options.ridge;
  ridge.workers = workers;
  const bool automatic = options.estimator == Estimator::automatic;
  if (options.estimator == Estimator::ridge || (automatic && carried == nullptr))
    return std::make_unique<SubsetDatamodels>(SubsetDatamodels::fit(masks, logits, ridge));
  if (carried == nullptr) {
    fail<OptionError>(
        "option estimator: trained networks required for \"carried\", whose kernel it uses, got "
        "none");
  }
  return std::make_unique<CarriedDatamodels>(SubsetDatamodels::fit(masks, logits, ridge), *carried);
}

}  // namespace expunge
