#include "expunge/evaluate/lds.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "message_of.h"
#include "nan.h"

namespace expunge {
namespace {

// Ranks by counting: how many are less, and half of those that are equal.
torch::Tensor counted_ranks(const torch::Tensor& x) {
  const auto less = (x.unsqueeze(0) < x.unsqueeze(1)).sum(1);
  const auto equal = (x.unsqueeze(0) == x.unsqueeze(1)).sum(1);
  return less.to(torch::kFloat64) + (equal.to(torch::kFloat64) + 1) / 2;
}

double plain_correlation(const torch::Tensor& a, const torch::Tensor& b) {
  const auto x = a.to(torch::kFloat64) - a.to(torch::kFloat64).mean();
  const auto y = b.to(torch::kFloat64) - b.to(torch::kFloat64).mean();
  return (x.dot(y) / (x.norm() * y.norm())).item<double>();
}

TEST(Lds, IsTheCorrelationOfRanks) {
  at::manual_seed(1);
  const auto f = at::randn({40, 90});
  const auto g = (0.5 * f + at::randn({40, 90})).mul(3).round().div(3);  // with ties
  const auto result = lds(g, f);
  double mean = 0;
  for (int64_t j = 0; j < 90; ++j) {
    const auto a = g.select(1, j), b = f.select(1, j);
    const double spearman = plain_correlation(counted_ranks(a), counted_ranks(b));
    EXPECT_NEAR(result.spearman.of_point[j].item<double>(), spearman, 1e-12);
    EXPECT_NEAR(result.pearson.of_point[j].item<double>(), plain_correlation(a, b), 1e-9);
    mean += spearman / 90;
  }
  EXPECT_NEAR(result.spearman.mean, mean, 1e-12);
  EXPECT_EQ(result.constant_points, 0);
  EXPECT_LT(result.spearman.low, mean);
  EXPECT_GT(result.spearman.high, mean);
}

TEST(Lds, WithoutTiesIsSpearmansFormula) {
  const auto f = torch::tensor({3.F, 1.F, 4.F, 1.5F, 5.F, 9.F, 2.F, 6.F}).unsqueeze(1);
  const auto g = torch::tensor({2.F, 7.F, 1.F, 8.F, 2.5F, 8.5F, 1.8F, 3.F}).unsqueeze(1);
  // Ranks 4 1 5 2 6 8 3 7 and 3 6 1 7 4 8 2 5.
  const double squares = 1 + 25 + 16 + 25 + 4 + 0 + 1 + 4;
  EXPECT_NEAR(lds(g, f).spearman.mean, 1 - 6 * squares / (8 * 63), 1e-12);
}

TEST(Lds, SeesNeitherScaleNorOffsetAndTurnsWithTheSign) {
  at::manual_seed(2);
  const auto f = at::randn({30, 20});
  const auto g = f + at::randn({30, 20});
  const auto plain = lds(g, f);
  const auto scaled = lds(3 * g + 2, f);
  const auto bent = lds(g.exp(), f);
  EXPECT_NEAR(scaled.spearman.mean, plain.spearman.mean, 1e-9);
  EXPECT_NEAR(scaled.pearson.mean, plain.pearson.mean, 1e-6);
  EXPECT_NEAR(bent.spearman.mean, plain.spearman.mean, 1e-9);
  EXPECT_LT(bent.pearson.mean, plain.pearson.mean - 0.01);
  EXPECT_NEAR(lds(-g, f).spearman.mean, -plain.spearman.mean, 1e-12);
}

TEST(Lds, OfTheTrueEffectsOfALinearModelIsOne) {
  at::manual_seed(3);
  const auto masks = at::rand({25, 12}) < 0.5;
  const auto effects = at::randn({12, 7});
  const auto outputs = masks.to(torch::kFloat32).matmul(effects) + 4;
  const auto result = lds(subset_predictions(masks, effects), outputs);
  EXPECT_NEAR(result.spearman.mean, 1, 1e-6);
  EXPECT_NEAR(result.pearson.mean, 1, 1e-6);
  EXPECT_GT(result.spearman.low, 0.99);
}

TEST(Lds, CeilingIsWhatTheTrueExpectationReaches) {
  at::manual_seed(4);
  const auto expected = at::randn({400, 60});
  const auto once = expected + 1.5 * at::randn({400, 60});
  const auto again = expected + 1.5 * at::randn({400, 60});
  const double ceiling = lds_ceiling(lds(again, once).pearson.mean);
  EXPECT_NEAR(lds(expected, once).pearson.mean, ceiling, 0.02);
  EXPECT_NEAR(ceiling, std::sqrt(1 / (1 + 1.5 * 1.5)), 0.02);
  EXPECT_EQ(lds_ceiling(-0.1), 0);
}

TEST(Lds, IntervalHoldsTheMeanOfOtherDrawsOfModels) {
  at::manual_seed(5);
  int held = 0;
  for (int repeat = 0; repeat < 40; ++repeat) {
    const auto shared = at::randn({60, 1});  // of a model, the same for all points
    const auto f = at::randn({60, 10}) + shared;
    const auto g = 0.6 * f + 0.8 * at::randn({60, 10});
    const auto result = lds(g, f, {.resamples = 100, .seed = repeat});
    const double truth = 0.6 * std::sqrt(2.0) / std::sqrt(0.36 * 2 + 0.64);
    held += result.pearson.low < truth && truth < result.pearson.high ? 1 : 0;
  }
  EXPECT_GE(held, 34) << "of 40, where 38 are expected";
}

TEST(Lds, CountsConstantPointsAsNone) {
  at::manual_seed(6);
  const auto f = at::randn({20, 3});
  auto g = f.clone();
  g.select(1, 1).fill_(2);
  const auto result = lds(g, f, {.resamples = 0});
  EXPECT_EQ(result.constant_points, 1);
  EXPECT_EQ(result.spearman.of_point[1].item<double>(), 0);
  EXPECT_NEAR(result.spearman.mean, 2.0 / 3, 1e-12);
  EXPECT_TRUE(std::isnan(result.spearman.low));
}

TEST(Lds, DoesNotDependOnWorkers) {
  at::manual_seed(7);
  const auto f = at::randn({16, 200});
  const auto g = at::randn({16, 200});
  const auto one = lds(g, f, {.workers = 1});
  const auto three = lds(g, f, {.workers = 3});
  EXPECT_EQ(one.spearman.mean, three.spearman.mean);
  EXPECT_EQ(one.spearman.low, three.spearman.low);
  EXPECT_EQ(one.pearson.high, three.pearson.high);
}

TEST(Lds, RefusesWhatCannotBeCompared) {
  const auto f = at::ones({10, 4});
  const auto refusal = [](const torch::Tensor& g, const torch::Tensor& y, LdsOptions o = {}) {
    return message_of<Error>([&] { lds(g, y, o); });
  };
  EXPECT_SAYS(refusal(at::ones({10, 3}), f), "(10, 4)");
  EXPECT_SAYS(refusal(f.to(torch::kFloat64), f), "predictions (models, points) float32");
  EXPECT_SAYS(refusal(at::ones({7, 4}), at::ones({7, 4})), "at least 8");
  auto spoilt = f.clone();
  spoilt[2][3] = kNan;
  EXPECT_SAYS(refusal(f, spoilt),
              "finite outputs required, got NaN or infinity at model 2, point 3");
  EXPECT_SAYS(refusal(f, f, {.resamples = 5}), "resamples");
  EXPECT_SAYS(message_of<Error>([&] {
                subset_predictions(at::ones({3, 4}, torch::kBool), at::ones({5, 2}));
              }),
              "scores (n, points)");
}

}  // namespace
}  // namespace expunge
