// Effects against the least squares written out one example at a time, and their standard errors
// against the effects that an ensemble was made with.
#include "expunge/attribution/point_effects.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/scratch_folder.h"
#include "expunge/attribution/student_t.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/core/error.h"
#include "expunge/data/masks.h"
#include "message_of.h"
#include "nan.h"
#include "simulated_ensemble.h"

namespace expunge {
namespace {

EffectOptions effects_with_ratio(std::optional<double> ratio) {
  EffectOptions options;
  options.lambda_ratio = ratio;
  return options;
}

std::vector<int64_t> points_up_to(int64_t end) {
  std::vector<int64_t> points(static_cast<size_t>(end));
  std::iota(points.begin(), points.end(), 0);
  return points;
}

// Outputs on the point by generalised least squares on `fixed` columns, whitened by the covariance of
// all other examples' effects and the noise: estimate and standard error of the last column.
std::pair<double, double> whitened_estimate(const torch::Tensor& covariance,
                                            const torch::Tensor& fixed, const torch::Tensor& y) {
  const auto root = at::linalg_cholesky(covariance);
  const auto x = at::linalg_solve_triangular(root, fixed, false);
  const auto z = at::linalg_solve_triangular(root, y.unsqueeze(1), false);
  const auto inverse = at::inverse(x.t().matmul(x));
  const auto b = inverse.matmul(x.t().matmul(z));
  const double freedom = static_cast<double>(x.size(0) - x.size(1));
  const double variance = (z - x.matmul(b)).square().sum().item<double>() / freedom;
  return {b[-1].item<double>(), std::sqrt(variance * inverse[-1][-1].item<double>())};
}

TEST(PointEffects, AreLeastSquaresWithTheOtherExamplesAsNoise) {
  for (const auto& [models, n] : {std::pair<int64_t, int64_t>{40, 12}, {15, 30}}) {
    const auto e = simulated_ensemble(models, n, n + 3, 1);
    const auto outputs = e.logits.squeeze(2).contiguous();
    const std::vector<int64_t> points = {4, n + 1};
    const auto found = effects_on_points(e.masks, outputs, points, effects_with_ratio(0.6));
    const auto a = e.masks.to(torch::kFloat64) - found.alpha;
    const double lambda = found.lambda.lambda;
    EXPECT_NEAR(lambda, 0.6 * static_cast<double>(n) * found.alpha * (1 - found.alpha), 1e-9);
    ASSERT_EQ(found.points.size(), 2u);
    for (const auto& of : found.points) {
      const auto y = outputs.select(1, of.point).to(torch::kFloat64);
      EXPECT_EQ(of.freedom, models - (of.point < n ? 3 : 2));
      EXPECT_NEAR(of.mean, y.mean().item<double>(), 1e-12);
      for (int64_t i = 0; i < n; ++i) {
        // Neither the example itself nor the point is among the random effects.
        auto others = a.clone();
        others.select(1, i).zero_();
        auto fixed = torch::ones({models, 1}, torch::kFloat64);
        if (of.point < n && i != of.point) {
          others.select(1, of.point).zero_();
          fixed = at::cat({fixed, a.slice(1, of.point, of.point + 1)}, 1);
        }
        fixed = at::cat({fixed, a.slice(1, i, i + 1)}, 1);
        const auto covariance =
            others.matmul(others.t()) + lambda * torch::eye(models, torch::kFloat64);
        const auto [effect, error] = whitened_estimate(covariance, fixed, y);
        EXPECT_NEAR(of.effect[i].item<double>(), effect, 1e-8) << of.point << " " << i;
        EXPECT_NEAR(of.error[i].item<double>(), error, 1e-8) << of.point << " " << i;
      }
    }
  }
}

TEST(PointEffects, ShrunkOnesAreMinusTheRemovalShiftsOfSingleExamples) {
  const int64_t n = 20;
  const int64_t models = 30;
  auto e = simulated_ensemble(models, n, n + 4, 1);
  for (int64_t row = 0; row < models; ++row) e.masks[row] = subset_mask({}, n, 3, row);
  const auto outputs = e.logits.squeeze(2).contiguous();
  RidgeOptions ridge;
  ridge.prior = EffectPrior::own;
  ridge.lambda_ratio = 0.8;
  std::vector<std::vector<int64_t>> alone;
  for (int64_t i = 0; i < n; ++i) alone.push_back({i});
  const auto shifts =
      SubsetDatamodels::fit(e.masks, outputs.unsqueeze(2), ridge).removal_shifts(alone);
  const auto found =
      effects_on_points(e.masks, outputs, points_up_to(n + 4), effects_with_ratio(0.8));
  for (const auto& of : found.points) {
    const auto expected = -shifts.select(1, of.point).select(1, 0).to(torch::kFloat64);
    EXPECT_LT((of.shrunk - expected).abs().max().item<double>(), 1e-4) << of.point;
  }
}

// Share of intervals effect +- t error that hold the effect that the ensemble was made with.
double coverage(const SimulatedEnsemble& e, std::optional<double> ratio, bool own) {
  const int64_t n = e.masks.size(1);
  const auto found =
      effects_on_points(e.masks, e.logits.squeeze(2).contiguous(),
                        points_up_to(own ? n : e.logits.size(1)), effects_with_ratio(ratio));
  double inside = 0;
  double all = 0;
  for (const auto& of : found.points) {
    const auto truth = e.effects.select(1, of.point).select(1, 0).to(torch::kFloat64);
    const double t = student_t_threshold(0.05, static_cast<double>(of.freedom + (own ? 1 : 0)));
    const auto held = ((of.effect - truth).abs() < t * of.error).to(torch::kFloat64);
    inside += own ? held[of.point].item<double>() : held.sum().item<double>();
    all += own ? 1 : static_cast<double>(n);
  }
  return inside / all;
}

TEST(PointEffects, StandardErrorsCoverTheTruthUnlessThePenaltyIsFarTooSmall) {
  // Effects of deviation 0.3 and noise of 1: the true lambda is 11, its ratio 11 / (40 x 0.21) = 1.3.
  const auto few = simulated_ensemble(60, 40, 300, 1, 0.7, 1, 5);
  const auto many = simulated_ensemble(200, 40, 300, 1, 0.7, 1, 6);
  for (const std::optional<double> ratio : {std::optional<double>{}, {1.3}, {6.0}, {100.0}}) {
    EXPECT_NEAR(coverage(few, ratio, false), 0.95, 0.015) << ratio.value_or(0);
    EXPECT_NEAR(coverage(many, ratio, false), 0.95, 0.015) << ratio.value_or(0);
  }
  EXPECT_NEAR(coverage(few, 0.3, false), 0.91, 0.02);
}

TEST(PointEffects, StandardErrorsOfOwnEffectsCoverTheTruth) {
  const auto e = simulated_ensemble(100, 400, 400, 1, 0.8, 2, 7);
  EXPECT_NEAR(coverage(e, 3, true), 0.95, 0.03);
}

TEST(PointEffects, ChanceLetsOneStandOutInAboutOnePointInTwenty) {
  torch::manual_seed(11);
  const auto masks = torch::rand({60, 100}) < 0.8;
  const auto outputs = torch::randn({60, 1000});
  std::vector<int64_t> points;
  for (int64_t p = 100; p < 1000; ++p) points.push_back(p);
  double with_any = 0;
  for (const auto& of : effects_on_points(masks, outputs, points, effects_with_ratio(6)).points)
    with_any += of.standing_out > 0 ? 1 : 0;
  EXPECT_NEAR(with_any / 900, 0.05, 0.03);
}

TEST(PointEffects, WhatActsStandsOutWithItsSign) {
  torch::manual_seed(12);
  const auto masks = torch::rand({200, 50}) < 0.8;
  auto outputs = torch::randn({200, 60});
  outputs.select(1, 55) += 3 * masks.select(1, 7).to(torch::kFloat32);
  outputs.select(1, 55) -= 3 * masks.select(1, 9).to(torch::kFloat32);
  outputs.select(1, 20) += 9 * masks.select(1, 20).to(torch::kFloat32);
  outputs.select(1, 20) += 3 * masks.select(1, 9).to(torch::kFloat32);
  const std::vector<int64_t> points = {55, 20};
  const auto found = effects_on_points(masks, outputs, points);
  EXPECT_FALSE(found.lambda.curve.empty());
  const auto& first = found.points[0];
  EXPECT_EQ(first.standing_out, 2);
  EXPECT_TRUE(first.stands_out(7) && first.stands_out(9));
  EXPECT_EQ(strongest_examples(first, 1, 1), std::vector<int64_t>{7});
  EXPECT_EQ(strongest_examples(first, 1, -1), std::vector<int64_t>{9});
  EXPECT_NEAR(first.effect[7].item<double>(), 3, 3 * first.error[7].item<double>());
  const auto& second = found.points[1];
  EXPECT_EQ(strongest_examples(second, 2, 1), (std::vector<int64_t>{20, 9}));
  EXPECT_NEAR(second.effect[20].item<double>(), 9, 4 * second.error[20].item<double>());
  EXPECT_EQ(
      strongest_examples(second, 1000, 1).size() + strongest_examples(second, 1000, -1).size(),
      50u);
}

TEST(PointEffects, ExamplesThatCannotBeToldFromThePointAreNotKnown) {
  auto e = simulated_ensemble(30, 10, 10, 1);
  e.masks.select(1, 6).copy_(e.masks.select(1, 2));
  const auto outputs = e.logits.squeeze(2).contiguous();
  const std::vector<int64_t> points = {2};
  const auto of = effects_on_points(e.masks, outputs, points, effects_with_ratio(1)).points[0];
  EXPECT_EQ(of.effect[6].item<double>(), 0);
  EXPECT_TRUE(std::isinf(of.error[6].item<double>()));
  EXPECT_FALSE(of.stands_out(6));
  EXPECT_TRUE(std::isfinite(of.error[2].item<double>()));
}

TEST(PointEffects, OutputsThatNeverChangeHaveNoEffects) {
  const auto e = simulated_ensemble(30, 10, 10, 1);
  const std::vector<int64_t> points = {1};
  const auto of =
      effects_on_points(e.masks, torch::full({30, 10}, 2.5), points, effects_with_ratio(1))
          .points[0];
  EXPECT_LT(of.effect.abs().max().item<double>(), 1e-12);
  EXPECT_FALSE(of.error.isnan().any().item<bool>());
}

TEST(PointEffects, DoNotDependOnWorkers) {
  const auto e = simulated_ensemble(40, 700, 700, 1);
  const auto outputs = e.logits.squeeze(2).contiguous();
  const std::vector<int64_t> points = {3};
  auto options = effects_with_ratio(2);
  options.workers = 1;
  const auto one = effects_on_points(e.masks, outputs, points, options).points[0];
  options.workers = 3;
  const auto three = effects_on_points(e.masks, outputs, points, options).points[0];
  EXPECT_TRUE(at::equal(one.effect, three.effect));
  EXPECT_TRUE(at::equal(one.error, three.error));
}

TEST(PointEffects, RefuseBadInput) {
  const auto e = simulated_ensemble(12, 8, 10, 1);
  const auto outputs = e.logits.squeeze(2).contiguous();
  const auto options = effects_with_ratio(1);
  const auto refuse = [&](const torch::Tensor& masks, const torch::Tensor& values,
                          const std::vector<int64_t>& points, const std::string& says) {
    EXPECT_SAYS(message_of<InputError>([&] { effects_on_points(masks, values, points, options); }),
                says);
  };
  refuse(e.masks, outputs, {10}, "from 0 to 9 required, got 10");
  refuse(e.masks, outputs, {-1}, "got -1");
  refuse(e.masks, outputs, {}, "at least one point");
  refuse(e.masks, outputs.slice(1, 0, 7), {0}, "at least 8 points");
  refuse(e.masks, outputs.slice(0, 1), {0}, "(12, points)");
  refuse(e.masks, outputs.to(torch::kFloat64), {0}, "float32");
  refuse(e.masks.to(torch::kFloat32), outputs, {0}, "masks");
  refuse(e.masks.slice(0, 0, 4), outputs.slice(0, 0, 4), {0}, "at least 5");
  auto all_saw = e.masks.clone();
  all_saw.select(1, 5).fill_(true);
  refuse(all_saw, outputs, {0}, "training example 5 ");
  auto broken = outputs.clone();
  broken[4][9] = kNan;
  EXPECT_SAYS(message_of<NonFiniteError>(
                  [&] { effects_on_points(e.masks, broken, std::vector<int64_t>{9}, options); }),
              "model 4, point 9");
  EXPECT_THROW(effects_on_points(e.masks, outputs, std::vector<int64_t>{0}, effects_with_ratio(0)),
               OptionError);
}

}  // namespace
}  // namespace expunge
