#include "expunge/convex/ridge.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "expunge/data/forget_set.h"
#include "message_of.h"
#include "nan.h"
#include "reference.h"

namespace expunge {
namespace {

TEST(Ridge, OptimumIsThatOfEliminationWithAndWithoutInterceptAndWeights) {
  for (const bool intercept : {true, false}) {
    for (const bool weighted : {true, false}) {
      for (const int64_t n : {30, 6}) {
        auto table = random_table(n, 9, 3, 1);
        if (weighted) table.weights = random_matrix(n, 1, 7).squeeze(1).abs();
        const LinearOptions options{0.3, intercept, Standardise::none};
        const auto state = RidgeState::fit(table, options);
        const auto wanted = ridge_by_elimination(table, first_indices(n), 0.3, intercept);
        EXPECT_LT(relative_error(state.theta(), wanted), 1e-12) << n << intercept << weighted;
        EXPECT_LT(relative_error(stacked(state.model()), wanted), 1e-12);
      }
    }
  }
}

TEST(Ridge, StandardisedOptimumIsThatOfStandardisedFeatures) {
  auto table = random_table(40, 5, 2, 3);
  table.x = (table.x * 30 + 500).contiguous();
  table.weights = random_matrix(40, 1, 9).squeeze(1).abs() + 0.1;
  for (const auto kind : {Standardise::fixed, Standardise::again}) {
    const auto state = RidgeState::fit(table, {2, true, kind});
    EXPECT_LT(relative_error(stacked(state.model()),
                             standardised_ridge(table, first_indices(40), 2, true)),
              1e-10);
  }
}

TEST(Ridge, GradientOfTheObjectiveVanishesAtTheOptimum) {
  const auto table = random_table(25, 4, 1, 5);
  const auto state = RidgeState::fit(table, {1.5, true, Standardise::none});
  const auto value = [&](const torch::Tensor& theta) {
    const auto errors = table.y - table.x.matmul(theta.narrow(0, 0, 4)) - theta[4];
    return errors.square().sum().item<double>() / 2 +
           1.5 / 2 * theta.narrow(0, 0, 4).square().sum().item<double>();
  };
  const double least = value(state.theta());
  for (int64_t j = 0; j < 5; ++j) {
    auto up = state.theta().clone(), down = state.theta().clone();
    up[j] += 1e-5;
    down[j] -= 1e-5;
    EXPECT_NEAR((value(up) - value(down)) / 2e-5, 0, 1e-8);
    EXPECT_GT(value(up), least);
  }
}

TEST(Ridge, DoesNotDependOnTheNumberOfWorkers) {
  const auto table = random_table(3000, 70, 2, 11);
  const auto one = RidgeState::fit(table, {}, 1);
  const auto three = RidgeState::fit(table, {}, 3);
  EXPECT_TRUE(one.theta().equal(three.theta()));
  EXPECT_TRUE(one.gram().equal(three.gram()));
}

TEST(Ridge, LeaveOneOutResidualsAreThoseOfRefitting) {
  auto table = random_table(15, 6, 2, 21);
  table.weights = random_matrix(15, 1, 23).squeeze(1).abs() + 0.2;
  for (const bool intercept : {true, false}) {
    const auto state = RidgeState::fit(table, {0.7, intercept, Standardise::none});
    const auto residuals = state.leave_one_out(table);
    for (int64_t i = 0; i < 15; ++i) {
      const std::vector<int64_t> out = {i};
      const auto theta = ridge_by_elimination(table, retain_indices(out, 15), 0.7, intercept);
      const auto predicted = table.x[i].unsqueeze(0).matmul(theta.narrow(0, 0, 6)) + theta[6];
      EXPECT_LT((residuals[i] - (table.y[i] - predicted.squeeze(0))).abs().max().item<double>(),
                1e-10);
    }
    // Leverages add up to the degrees of freedom, tr(A^-1 (A - lambda D)).
    const auto matrix = state.matrix();
    const auto penalty = torch::diag(state.penalty());
    const double freedom = torch::linalg_solve(matrix, matrix - penalty).trace().item<double>();
    EXPECT_NEAR(state.leverages(table).sum().item<double>(), freedom, 1e-10);
  }
}

TEST(Ridge, ConstantFeaturesHaveScaleOne) {
  auto table = random_table(20, 3, 1, 31);
  table.x.select(1, 1).fill_(4.25);
  const auto state = RidgeState::fit(table, {1, true, Standardise::again});
  EXPECT_EQ(state.coordinates().scale[1].item<double>(), 1);
  EXPECT_NEAR(state.theta()[1].item<double>(), 0, 1e-12);
}

TEST(Ridge, RefusesWhatIsNoTable) {
  auto table = random_table(10, 3, 1, 41);
  table.x[4][2] = kNan;
  EXPECT_NE(message_of<NonFiniteError>([&] { RidgeState::fit(table, {}); }).find("example 4"),
            std::string::npos);
  table = random_table(10, 3, 1, 41);
  table.weights = torch::zeros({10}, torch::kFloat64);
  EXPECT_THROW(RidgeState::fit(table, {}), InputError);
  table.weights = torch::ones({9}, torch::kFloat64);
  EXPECT_THROW(RidgeState::fit(table, {}), InputError);
  table.weights = torch::Tensor();
  EXPECT_THROW(RidgeState::fit(table, {0, true, Standardise::none}), OptionError);
  table.labels = torch::full({10}, 3, torch::kInt64);
  EXPECT_THROW(RidgeState::fit(table, {}), InputError);
}

}  // namespace
}  // namespace expunge
