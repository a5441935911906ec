// Held-out errors against regressions that are fitted, fold by fold, by dense solves.
#include "expunge/attribution/lambda_choice.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "simulated_ensemble.h"

namespace expunge {
namespace {

// Squared error of logits of models [begin, end), predicted from the others, relative to their mean.
std::pair<double, double> dense_errors(const SimulatedEnsemble& e, int64_t begin, int64_t end,
                                       EffectPrior prior, double s, double lambda) {
  const auto masks = e.masks.to(torch::kFloat64);
  const auto a = masks - masks.mean();
  const auto z = e.logits.to(torch::kFloat64);
  const int64_t models = a.size(0);
  const auto rest = [&](const torch::Tensor& x) {
    return at::cat({x.slice(0, 0, begin), x.slice(0, end, models)});
  };
  double error = 0;
  double null_error = 0;
  const int64_t n = a.size(1);
  for (int64_t j = 0; j < z.size(1); ++j) {
    const auto train = rest(a);
    const auto zj = z.select(1, j);
    const auto mean = rest(zj).mean(0, true);
    auto precision = torch::full({n}, lambda, torch::kFloat64);
    if (j < n) {
      const auto column = train.select(1, j);
      if (column.max().item<double>() == column.min().item<double>()) continue;
      if (prior == EffectPrior::self) precision[j] /= 1 + s;
      if (prior == EffectPrior::own) precision[j] = 0;
    }
    const auto beta = at::linalg_solve(train.t().matmul(train) + at::diag(precision),
                                       train.t().matmul(rest(zj) - mean));
    const auto truth = zj.slice(0, begin, end) - mean;
    null_error += truth.square().sum().item<double>();
    error += (truth - a.slice(0, begin, end).matmul(beta)).square().sum().item<double>();
  }
  return {error, null_error};
}

TEST(LambdaChoice, IsTheLeastErrorOfDenseRegressionsOnHeldOutModels) {
  const auto e = simulated_ensemble(22, 15, 21, 2, 0.7, 3);
  const auto design = mask_design(e.masks);
  for (const auto prior : {EffectPrior::own, EffectPrior::self, EffectPrior::none}) {
    RidgeOptions options;
    options.prior = prior;
    options.folds = 4;
    const auto choice = choose_lambda(e.masks, e.logits, design, options, 2.5);
    ASSERT_EQ(choice.curve.size(), 13U);
    const double unit = 15 * design.alpha * (1 - design.alpha);
    double best = 1e300;
    double best_ratio = 0;
    for (const auto& point : choice.curve) {
      double error = 0;
      double null_error = 0;
      for (int64_t f = 0; f < 4; ++f) {
        const auto [a, b] =
            dense_errors(e, 22 * f / 4, 22 * (f + 1) / 4, prior, 2.5, point.ratio * unit);
        error += a;
        null_error += b;
      }
      EXPECT_NEAR(point.relative_error, error / null_error, 1e-4 * error / null_error);
      if (error < best) {
        best = error;
        best_ratio = point.ratio;
      }
    }
    EXPECT_EQ(choice.ratio, best_ratio);
    EXPECT_NEAR(choice.lambda, best_ratio * unit, 1e-9);
  }
}

TEST(LambdaChoice, ShrinksMoreWhereThereIsMoreNoise) {
  RidgeOptions options;
  options.prior = EffectPrior::none;
  const auto quiet = simulated_ensemble(100, 20, 30, 2, 0.7, 0.1);
  const auto loud = simulated_ensemble(100, 20, 30, 2, 0.7, 20);
  EXPECT_LT(choose_lambda(quiet.masks, quiet.logits, mask_design(quiet.masks), options, 0).ratio,
            choose_lambda(loud.masks, loud.logits, mask_design(loud.masks), options, 0).ratio);
}

TEST(LambdaChoice, TakesWhatIsSet) {
  const auto e = simulated_ensemble(10, 15, 21, 2);
  const auto design = mask_design(e.masks);
  RidgeOptions options;
  options.lambda_ratio = 6;
  const auto choice = choose_lambda(e.masks, e.logits, design, options, 0);
  EXPECT_DOUBLE_EQ(choice.lambda, 6 * 15 * design.alpha * (1 - design.alpha));
  EXPECT_TRUE(choice.curve.empty());
}

TEST(LambdaChoice, NeedsFourModels) {
  const auto e = simulated_ensemble(3, 15, 21, 2);
  EXPECT_THROW(choose_lambda(e.masks, e.logits, mask_design(e.masks), {}, 0), OptionError);
  const auto f = simulated_ensemble(4, 15, 21, 2);
  EXPECT_NO_THROW(choose_lambda(f.masks, f.logits, mask_design(f.masks), {}, 0));
}

TEST(LambdaChoice, DoesNotDependOnWorkers) {
  const auto e = simulated_ensemble(40, 30, 50, 3);
  const auto design = mask_design(e.masks);
  RidgeOptions options;
  options.held_out_points = 20;
  options.workers = 1;
  const auto one = choose_lambda(e.masks, e.logits, design, options, 0);
  options.workers = 3;
  const auto three = choose_lambda(e.masks, e.logits, design, options, 0);
  for (size_t k = 0; k < one.curve.size(); ++k)
    EXPECT_EQ(one.curve[k].relative_error, three.curve[k].relative_error);
}

TEST(LambdaChoice, RefusesLogitsThatAreNotFinite) {
  auto e = simulated_ensemble(10, 15, 21, 2);
  e.logits[3][20][1] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(choose_lambda(e.masks, e.logits, mask_design(e.masks), {}, 0), NonFiniteError);
}

}  // namespace
}  // namespace expunge
