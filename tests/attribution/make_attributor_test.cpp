// The estimator that options name is the one that is made.
#include "expunge/attribution/make_attributor.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "attribution/simulated_ensemble.h"
#include "expunge/attribution/lasso_datamodels.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

TEST(MakeAttributor, FitsTheEstimatorThatIsNamedByItsOptions) {
  const auto made = simulated_ensemble(40, 12, 15, 2);
  const std::vector<std::vector<int64_t>> removals = {{3, 5}};
  AttributionOptions options;
  options.ridge.prior = EffectPrior::self;
  options.ridge.lambda = 2;
  options.lasso.lambda = 0.01;
  const auto shifts = [&] {
    return make_attributor(options, made.masks, made.logits, nullptr, 1)->removal_shifts(removals);
  };
  const auto ridge = SubsetDatamodels::fit(made.masks, made.logits, options.ridge);
  const auto lasso = LassoDatamodels::fit(made.masks, made.logits, options.lasso);
  EXPECT_TRUE(at::equal(shifts(), ridge.removal_shifts(removals)));
  options.estimator = Estimator::lasso;
  EXPECT_TRUE(at::equal(shifts(), lasso.removal_shifts(removals)));
  EXPECT_FALSE(at::equal(shifts(), ridge.removal_shifts(removals)));
}

TEST(MakeAttributor, CarriesEffectsOverByTheKernelThatItIsGiven) {
  const auto made = simulated_ensemble(40, 12, 15, 2);
  const std::vector<std::vector<int64_t>> removals = {{3, 5}};
  torch::manual_seed(1);
  const auto rows = torch::randn({15, 30});
  const auto carried = CarriedEffects::fit(rows.matmul(rows.narrow(0, 0, 12).t()));
  AttributionOptions options;
  options.estimator = Estimator::carried;
  options.ridge.lambda = 2;
  const auto ridge = SubsetDatamodels::fit(made.masks, made.logits, options.ridge);
  const auto shifts =
      make_attributor(options, made.masks, made.logits, &carried)->removal_shifts(removals);
  EXPECT_TRUE(at::equal(shifts[0], ridge.removal_shifts(removals)[0] +
                                       carried.shift(removals[0], ridge.own_effects())));
  EXPECT_THROW(make_attributor(options, made.masks, made.logits), OptionError);
  options.estimator = Estimator::automatic;
  EXPECT_TRUE(at::equal(
      make_attributor(options, made.masks, made.logits, &carried)->removal_shifts(removals),
      shifts));
  EXPECT_TRUE(at::equal(make_attributor(options, made.masks, made.logits)->removal_shifts(removals),
                        ridge.removal_shifts(removals)));
}

TEST(MakeAttributor, RefusesOptionsThatAreOutOfRange) {
  const auto made = simulated_ensemble(8, 4, 4, 1);
  AttributionOptions options;
  options.ridge.lambda = -1;
  EXPECT_THROW(make_attributor(options, made.masks, made.logits), OptionError);
}

}  // namespace
}  // namespace expunge
