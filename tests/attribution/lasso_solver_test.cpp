#include "expunge/attribution/lasso_solver.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "message_of.h"
#include "nan.h"

namespace expunge {
namespace {

struct Sample {
  torch::Tensor masks;    // (N, n) bool
  torch::Tensor targets;  // (T, N) float32
};

// Targets that a few examples explain, and noise; the last one is a constant.
Sample lasso_sample(int64_t models, int64_t n, int64_t targets, double keep = 0.5) {
  at::manual_seed(3);
  Sample sample;
  sample.masks = torch::rand({models, n}) < keep;
  auto weights = torch::zeros({targets, n});
  for (int64_t t = 0; t + 1 < targets; ++t) {
    for (int64_t k = 0; k < 4; ++k) weights[t][(7 * t + 3 * k) % n] = k % 2 == 0 ? 1.5 : -0.8;
  }
  sample.targets = weights.matmul(sample.masks.to(torch::kFloat32).t()) +
                   0.3 * torch::randn({targets, models}) + 5;
  sample.targets[targets - 1].fill_(2);
  return sample;
}

torch::Tensor dense(const LassoSolution& solution, int64_t n) {
  auto beta = torch::zeros({n}, torch::kFloat64);
  for (size_t k = 0; k < solution.effects.examples.size(); ++k)
    beta[solution.effects.examples[k]] = solution.effects.values[k];
  return beta;
}

// Columns less their means, float64.
torch::Tensor centred_columns(const Sample& sample) {
  const auto x = sample.masks.to(torch::kFloat64);
  return x - x.mean(0, true);
}

// The largest break of the KKT conditions, by the definition and in float64, as a share of lambda.
double worst_kkt_break(const Sample& sample, const LassoSolution& solution, int64_t target,
                       double lambda) {
  const auto x = centred_columns(sample);
  const auto y = sample.targets[target].to(torch::kFloat64);
  const auto beta = dense(solution, x.size(1));
  const auto c = x.t().matmul(y - y.mean() - x.matmul(beta)) / static_cast<double>(x.size(0));
  const auto at_zero = (c.abs() - lambda).clamp_min(0);
  const auto elsewhere = (c - lambda * beta.sign()).abs();
  return torch::where(beta == 0, at_zero, elsewhere).max().item<double>() / lambda;
}

double objective(const torch::Tensor& x, const torch::Tensor& y, const torch::Tensor& beta,
                 double lambda) {
  const auto r = y - y.mean() - x.matmul(beta);
  return (r.square().sum() / (2.0 * static_cast<double>(x.size(0))) + lambda * beta.abs().sum())
      .item<double>();
}

TEST(LassoSolver, MeetsTheOptimalityConditions) {
  for (const double share : {0.5, 0.1, 0.02}) {
    const auto sample = lasso_sample(300, 200, 5);
    const auto design = LassoDesign::make(sample.masks);
    const auto lambdas = share * largest_lambdas(design, sample.targets).clamp_min(1e-3);
    const auto solutions = solve_lasso(design, sample.targets, lambdas, {.tolerance = 1e-5});
    for (int64_t t = 0; t < 4; ++t) {
      EXPECT_LT(worst_kkt_break(sample, solutions[t], t, lambdas[t].item<double>()), 0.02)
          << share << ", target " << t;
      EXPECT_GT(solutions[t].effects.examples.size(), 0U);
    }
    EXPECT_EQ(solutions[4].effects.examples.size(), 0U) << "a constant needs no effects";
  }
}

TEST(LassoSolver, ColumnsWithoutCovarianceHaveThresholdedCorrelations) {
  // Every combination of 5 examples once: columns are orthogonal, so that the LASSO is in closed form.
  const int64_t n = 5, models = 32;
  Sample sample;
  sample.masks = torch::zeros({models, n}, torch::kBool);
  for (int64_t i = 0; i < models; ++i) {
    for (int64_t j = 0; j < n; ++j) sample.masks[i][j] = ((i >> j) & 1) == 1;
  }
  at::manual_seed(1);
  sample.targets = torch::randn({3, models});
  const auto x = centred_columns(sample);
  const auto design = LassoDesign::make(sample.masks);
  const double lambda = 0.05;
  const auto solutions = solve_lasso(
      design, sample.targets, torch::full({3}, lambda, torch::kFloat64), {.tolerance = 1e-7});
  for (int64_t t = 0; t < 3; ++t) {
    const auto c = sample.targets[t].to(torch::kFloat64).matmul(x) / static_cast<double>(models);
    const auto expected = c.sign() * (c.abs() - lambda).clamp_min(0) / 0.25;
    EXPECT_TRUE(torch::allclose(dense(solutions[t], n), expected, 1e-5, 1e-6));
  }
}

TEST(LassoSolver, GapBoundsTheDistanceToTheOptimum) {
  const auto sample = lasso_sample(120, 80, 3);
  const auto design = LassoDesign::make(sample.masks);
  const auto lambdas = 0.1 * largest_lambdas(design, sample.targets).clamp_min(1e-3);
  const auto loose = solve_lasso(design, sample.targets, lambdas, {.tolerance = 1e-2});
  const auto tight = solve_lasso(design, sample.targets, lambdas, {.tolerance = 1e-5});
  const auto x = centred_columns(sample);
  for (int64_t t = 0; t < 2; ++t) {
    const auto y = sample.targets[t].to(torch::kFloat64);
    const double unit = (y - y.mean()).square().mean().item<double>() / 2;
    const double lambda = lambdas[t].item<double>();
    const double distance =
        objective(x, y, dense(loose[t], 80), lambda) - objective(x, y, dense(tight[t], 80), lambda);
    EXPECT_LE(loose[t].gap, 1e-2);
    EXPECT_LE(tight[t].gap, 1e-5);
    EXPECT_LE(distance, loose[t].gap * unit + 1e-9);
  }
}

TEST(LassoSolver, NothingIsLeftAtTheLargestPenalty) {
  const auto sample = lasso_sample(100, 60, 4);
  const auto design = LassoDesign::make(sample.masks);
  const auto largest = largest_lambdas(design, sample.targets);
  auto at = largest.clamp_min(1e-3) * 1.0001;
  for (const auto& s : solve_lasso(design, sample.targets, at))
    EXPECT_EQ(s.effects.examples.size(), 0U);
  at = largest.clamp_min(1e-3) * 0.99;
  EXPECT_EQ(solve_lasso(design, sample.targets, at, {.tolerance = 1e-8})[0].effects.examples.size(),
            1U);
}

TEST(LassoSolver, EveryWayToItAgrees) {
  // With and without what only saves time, sparse and dense, along a path or straight.
  const auto sample = lasso_sample(150, 300, 6);
  const auto rich = LassoDesign::make(sample.masks);
  const auto poor = LassoDesign::make(sample.masks, {.memory_bytes = 0});
  EXPECT_FALSE(rich.all_covariances().empty());
  EXPECT_TRUE(poor.all_covariances().empty());
  const auto largest = largest_lambdas(rich, sample.targets).clamp_min(1e-3);
  for (const double share : {0.3, 0.01}) {
    const LassoSolverOptions options{.tolerance = 1e-5};
    const auto a = solve_lasso(rich, sample.targets, share * largest, options);
    const auto b = solve_lasso(poor, sample.targets, share * largest, options);
    std::vector<LassoSolution> c(6);
    const auto path =
        largest.unsqueeze(1) * torch::tensor({0.9, 0.6, 0.35, share}).to(torch::kFloat64);
    solve_lasso_paths(rich, sample.targets, path, options,
                      [&](int64_t target, int64_t, const LassoSolution& solution) {
                        c[static_cast<size_t>(target)] = solution;
                        return true;
                      });
    const auto x = centred_columns(sample);
    for (int64_t t = 0; t < 5; ++t) {
      const auto fit = x.matmul(dense(a[t], 300));
      EXPECT_LT((fit - x.matmul(dense(b[t], 300))).abs().max().item<double>(), 5e-3) << share;
      EXPECT_LT((fit - x.matmul(dense(c[t], 300))).abs().max().item<double>(), 5e-3) << share;
    }
  }
}

TEST(LassoSolver, APathEndsWhereItsVisitorSaysSo) {
  const auto sample = lasso_sample(80, 40, 40);
  const auto design = LassoDesign::make(sample.masks);
  const auto path = largest_lambdas(design, sample.targets).clamp_min(1e-3).unsqueeze(1) *
                    torch::tensor({0.9, 0.5, 0.3}).to(torch::kFloat64);
  std::vector<std::vector<int64_t>> steps(40);
  std::vector<LassoSolution> last(40);
  solve_lasso_paths(design, sample.targets, path, {.tolerance = 1e-5},
                    [&](int64_t target, int64_t step, const LassoSolution& solution) {
                      steps[static_cast<size_t>(target)].push_back(step);
                      last[static_cast<size_t>(target)] = solution;
                      return step < target % 3;
                    });
  for (int64_t t = 0; t < 40; ++t) {
    std::vector<int64_t> expected;
    for (int64_t s = 0; s <= t % 3; ++s) expected.push_back(s);
    EXPECT_EQ(steps[t], expected);
    if (t == 39) continue;  // the constant
    EXPECT_LT(worst_kkt_break(sample, last[t], t, path[t][t % 3].item<double>()), 0.02) << t;
  }
}

TEST(LassoSolver, DoesNotDependOnTheNumberOfWorkers) {
  const auto sample = lasso_sample(90, 70, 80);
  const auto design = LassoDesign::make(sample.masks);
  const auto lambdas = 0.05 * largest_lambdas(design, sample.targets).clamp_min(1e-3);
  const auto one = solve_lasso(design, sample.targets, lambdas, {.workers = 1});
  const auto three = solve_lasso(design, sample.targets, lambdas, {.workers = 3});
  for (size_t t = 0; t < one.size(); ++t) {
    EXPECT_EQ(one[t].effects.examples, three[t].effects.examples);
    EXPECT_EQ(one[t].effects.values, three[t].effects.values);
  }
}

TEST(LassoSolver, ExamplesThatAllSawOrNoneHaveNoEffect) {
  auto sample = lasso_sample(80, 40, 3);
  sample.masks.select(1, 4).fill_(true);
  sample.masks.select(1, 9).fill_(false);
  const auto design = LassoDesign::make(sample.masks);
  for (const double share : {0.3, 0.001}) {
    const auto lambdas = share * largest_lambdas(design, sample.targets).clamp_min(1e-3);
    for (const auto& s : solve_lasso(design, sample.targets, lambdas)) {
      for (const auto i : s.effects.examples) EXPECT_TRUE(i != 4 && i != 9);
    }
  }
}

TEST(LassoSolver, RefusesWhatCannotBe) {
  auto sample = lasso_sample(30, 20, 3);
  const auto design = LassoDesign::make(sample.masks);
  const auto lambdas = torch::full({3}, 0.1, torch::kFloat64);
  const auto solve = [&](const torch::Tensor& y, const torch::Tensor& l, double tolerance = 1e-4) {
    return message_of<Error>([&] { solve_lasso(design, y, l, {.tolerance = tolerance}); });
  };
  EXPECT_SAYS(solve(sample.targets.slice(1, 0, 29), lambdas), "30 models a row");
  EXPECT_SAYS(solve(sample.targets.to(torch::kFloat64), lambdas), "float32");
  EXPECT_SAYS(solve(sample.targets, lambdas.slice(0, 0, 2)), "penalties");
  EXPECT_SAYS(solve(sample.targets, lambdas * 0), "positive");
  EXPECT_SAYS(solve(sample.targets, lambdas, 0), "tolerance");
  auto spoilt = sample.targets.clone();
  spoilt[1][2] = kNan;
  EXPECT_SAYS(solve(spoilt, lambdas), "finite");
  EXPECT_THROW(LassoDesign::make(sample.masks.to(torch::kFloat32)), InputError);
  EXPECT_THROW(LassoDesign::make(sample.masks.slice(0, 0, 1)), InputError);
}

}  // namespace
}  // namespace expunge
