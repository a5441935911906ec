#include "expunge/attribution/fit_attributor.h"

#include "expunge/attribution/lasso_datamodels.h"
#include "expunge/attribution/subset_datamodels.h"

namespace expunge {

std::unique_ptr<Attributor> fit_attributor(const torch::Tensor& masks, const torch::Tensor& logits,
                                           const AttributionOptions& options, int64_t workers) {
  if (options.estimator == Estimator::lasso) {
    LassoOptions lasso = options.lasso;
    lasso.workers = workers;
    return std::make_unique<LassoDatamodels>(LassoDatamodels::fit(masks, logits, lasso));
  }
  RidgeOptions ridge = options.ridge;
  ridge.workers = workers;
  return std::make_unique<SubsetDatamodels>(SubsetDatamodels::fit(masks, logits, ridge));
}

}  // namespace expunge
