#include "expunge/evaluate/ulira.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "evaluate/gaussian_margins.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

/// Margins of models that each have a shift of their own, common to all examples.
torch::Tensor with_common_shifts(int64_t models, int64_t m, float own, std::mt19937& engine) {
  std::normal_distribution<float> normal;
  std::vector<float> shift(models);
  for (float& x : shift) x = normal(engine);
  return table(models, m, [&](int64_t i, int64_t) { return shift[i] + own * normal(engine); });
}

UliraResult attack(const torch::Tensor& u, const torch::Tensor& o, int64_t seed = 0) {
  return summary_of(scores_of(u, o, seed));
}

double normal_distribution_function(double x) {
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}

torch::Tensor tensor_of(const std::vector<std::vector<double>>& rows) {
  std::vector<torch::Tensor> tensors;
  for (const auto& row : rows) tensors.push_back(torch::tensor(row, torch::kFloat64));
  return torch::stack(tensors);
}

TEST(Ulira, OfTwoGaussiansThatAreApartReachesTheBestPossibleAttack) {
  for (const float d : {0.3F, 1.0F, 2.5F}) {
    const UliraResult result = attack(gaussian(4000, 25, d, 1, 15), gaussian(4000, 25, 0, 1, 16));
    EXPECT_NEAR(result.accuracy, normal_distribution_function(d / 2), 0.006) << d;
    EXPECT_NEAR(result.auc, normal_distribution_function(d / std::numbers::sqrt2), 0.006) << d;
    // The 99th percentile of the oracles is at 2.3263, the 99.9th at 3.0902.
    EXPECT_NEAR(result.tpr_at_1_percent, normal_distribution_function(d - 2.3263), 0.02) << d;
    EXPECT_NEAR(result.tpr_at_01_percent, normal_distribution_function(d - 3.0902), 0.03) << d;
  }
}

TEST(Ulira, OfTwoWidthsReachesTheBestPossibleAttack) {
  // Unlearned where |x| is below c, at which both densities are equal.
  const double s = 3;
  const double c = std::sqrt(2 * std::log(s) / (1 - 1 / (s * s)));
  const double within_one = 1 - 2 * normal_distribution_function(-c);
  const double beyond_s = 2 * normal_distribution_function(-c / s);
  const UliraResult result =
      attack(gaussian(4000, 25, 0, 1, 17), gaussian(4000, 25, 0, static_cast<float>(s), 18));
  EXPECT_NEAR(result.accuracy, (within_one + beyond_s) / 2, 0.006);
}

TEST(Ulira, OfOneDistributionIsHalfRight) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const UliraResult result =
        attack(gaussian(100, 100, 1, 2, 100 + seed), gaussian(60, 100, 1, 2, 200 + seed), seed);
    EXPECT_NEAR(result.accuracy, 0.5, 3 * result.standard_error) << seed;
    EXPECT_LT(result.standard_error, 0.01);
    EXPECT_NEAR(result.auc, 0.5, 0.03);
  }
}

TEST(Ulira, StandardErrorHoldsWhereAModelsDecisionsGoTogetherAndTheBinomialIntervalDoesNot) {
  std::mt19937 engine(19);
  const int repeats = 600;
  int in_two_errors = 0;
  int in_binomial = 0;
  double sum_of_squares = 0;
  double sum_of_variances = 0;
  for (int r = 0; r < repeats; ++r) {
    const torch::Tensor u = with_common_shifts(60, 40, 0.5F, engine);
    const torch::Tensor o = with_common_shifts(100, 40, 0.5F, engine);
    const UliraResult result = attack(u, o, r);
    const double error = result.accuracy - 0.5;
    in_two_errors += std::abs(error) <= 1.96 * result.standard_error ? 1 : 0;
    in_binomial += result.accuracy_low <= 0.5 && 0.5 <= result.accuracy_high ? 1 : 0;
    sum_of_squares += error * error;
    sum_of_variances += result.standard_error * result.standard_error;
  }
  EXPECT_GE(in_two_errors, 0.92 * repeats);
  EXPECT_LE(in_two_errors, 0.975 * repeats);
  EXPECT_LE(in_binomial, 0.6 * repeats);
  EXPECT_NEAR(sum_of_variances / sum_of_squares, 1, 0.2);
}

TEST(Ulira, BinomialIntervalHoldsForIndependentDecisionsOfUnequalSides) {
  std::mt19937 engine(20);
  std::normal_distribution<double> normal;
  const int repeats = 1000;
  int covered = 0;
  for (int r = 0; r < repeats; ++r) {
    UliraScores scores = {torch::empty({4, 5}, torch::kFloat64),
                          torch::empty({40, 5}, torch::kFloat64)};
    for (auto* side : {&scores.unlearned, &scores.oracle}) {
      for (int64_t i = 0; i < side->numel(); ++i) side->data_ptr<double>()[i] = normal(engine);
    }
    const UliraResult result = summary_of(scores);
    covered += result.accuracy_low <= 0.5 && 0.5 <= result.accuracy_high ? 1 : 0;
  }
  EXPECT_GE(covered, 0.93 * repeats);
  EXPECT_LE(covered, 0.975 * repeats);
}

TEST(Ulira, SummaryOfAHandfulOfScores) {
  // Unlearned: 3 of 4 right and a tie that is half right; oracles: 1 of 4 right, 3 wrong.
  const UliraScores scores = {tensor_of({{2, -1}, {1, 3}}), tensor_of({{1, 0.5}, {-4, 0.25}})};
  const UliraResult result = summary_of(scores);
  EXPECT_EQ(result.examples, 2);
  EXPECT_EQ(result.decisions, 8);
  EXPECT_EQ(result.accuracy, (0.75 + 0.25) / 2);
  EXPECT_EQ(result.accuracy_of_point[0].item<double>(), 0.75);
  EXPECT_EQ(result.accuracy_of_point[1].item<double>(), 0.25);
  // Models' shares: 1/2, 1 and 0, 1/2; each side's variance is 1/8, of its mean 1/16.
  EXPECT_DOUBLE_EQ(result.standard_error, std::sqrt((1.0 / 16 + 1.0 / 16) / 4));
  // Wilson's interval of 4 in 8 is 1/2 -+ half the root of z^2 / (8 + z^2).
  const double z2 = 1.959963984540054 * 1.959963984540054;
  EXPECT_NEAR(result.accuracy_high - 0.5, std::sqrt(z2 / (8 + z2)) / 2, 1e-12);
  EXPECT_NEAR(0.5 - result.accuracy_low, std::sqrt(z2 / (8 + z2)) / 2, 1e-12);
  // Pairs in which the unlearned score is higher: 4 of 2, 1 of -1, 3 + 1/2 of 1, 4 of 3.
  EXPECT_DOUBLE_EQ(result.auc, 12.5 / 16);
  EXPECT_DOUBLE_EQ(result.tpr_at_1_percent, 0.5);
  EXPECT_DOUBLE_EQ(result.tpr_at_01_percent, 0.5);
}

TEST(Ulira, TiesAreHalfRight) {
  const UliraResult result =
      summary_of({torch::zeros({3, 2}, torch::kFloat64), torch::zeros({5, 2}, torch::kFloat64)});
  EXPECT_EQ(result.accuracy, 0.5);
  EXPECT_EQ(result.auc, 0.5);
  EXPECT_EQ(result.tpr_at_1_percent, 0);
  EXPECT_EQ(result.standard_error, 0);
}

TEST(Ulira, BothSidesWeighTheSameWhateverTheirNumbers) {
  const auto ones = [](int64_t models) { return torch::ones({models, 3}, torch::kFloat64); };
  // All called unlearned: right of the 20 unlearned, wrong of the 2 oracles.
  const UliraResult result = summary_of({ones(20), ones(2)});
  EXPECT_EQ(result.accuracy, 0.5);
  EXPECT_EQ(result.decisions, 66);
  const UliraResult perfect = summary_of({ones(20), -ones(2)});
  EXPECT_EQ(perfect.accuracy, 1);
  EXPECT_EQ(perfect.accuracy_high, 1);
  EXPECT_LT(perfect.accuracy_low, 1);
  EXPECT_EQ(perfect.auc, 1);
  EXPECT_EQ(perfect.tpr_at_01_percent, 1);
}

TEST(Ulira, EveryExampleOfSeveralForgetSetsCountsOnce) {
  const UliraScores sets[] = {scores_of(gaussian(20, 10, 2, 1, 21), gaussian(30, 10, 0, 1, 22)),
                              scores_of(gaussian(200, 40, 0, 1, 23), gaussian(90, 40, 0, 2, 24)),
                              scores_of(gaussian(9, 1, 3, 1, 25), gaussian(5, 1, 0, 1, 26))};
  const UliraResult together = summarise_ulira(sets);
  std::vector<torch::Tensor> of_point;
  double accuracy = 0;
  double variance = 0;
  double inverse_n = 0;
  int64_t decisions = 0;
  std::vector<ScoredDecision> pooled;
  for (const UliraScores& set : sets) {
    const UliraResult alone = summary_of(set);
    const auto share = static_cast<double>(alone.examples) / 51;
    of_point.push_back(alone.accuracy_of_point);
    accuracy += share * alone.accuracy;
    variance += share * share * alone.standard_error * alone.standard_error;
    decisions += alone.decisions;
    for (const bool is_unlearned : {true, false}) {
      const torch::Tensor& scores = is_unlearned ? set.unlearned : set.oracle;
      const double weight = 1.0 / (51 * static_cast<double>(scores.size(0)));
      inverse_n += static_cast<double>(scores.numel()) * weight * weight / 4;
      for (int64_t i = 0; i < scores.numel(); ++i) {
        pooled.push_back({scores.flatten()[i].item<double>(), weight, is_unlearned});
      }
    }
  }
  EXPECT_EQ(together.examples, 51);
  EXPECT_EQ(together.decisions, decisions);
  EXPECT_TRUE(torch::equal(together.accuracy_of_point, torch::cat(of_point)));
  EXPECT_NEAR(together.accuracy, accuracy, 1e-12);
  EXPECT_NEAR(together.accuracy, together.accuracy_of_point.mean().item<double>(), 1e-12);
  EXPECT_NEAR(together.standard_error, std::sqrt(variance), 1e-12);
  const double z2 = 1.959963984540054 * 1.959963984540054;
  const double n = 1 / inverse_n;
  EXPECT_NEAR(together.accuracy_high - together.accuracy_low,
              2 * std::sqrt(z2) / (1 + z2 / n) *
                  std::sqrt(accuracy * (1 - accuracy) / n + z2 / (4 * n * n)),
              1e-12);
  double won = 0;
  for (const auto& a : pooled) {
    for (const auto& b : pooled) {
      if (!a.is_positive || b.is_positive) continue;
      won += a.weight * b.weight * (a.score > b.score ? 1 : a.score == b.score ? 0.5 : 0);
    }
  }
  EXPECT_NEAR(together.auc, won, 1e-9);
  EXPECT_LE(together.roc.size(), 200U);
  EXPECT_EQ(together.roc.front().true_positive_rate, 0);
  EXPECT_EQ(together.roc.back().false_positive_rate, 1);
}

TEST(Ulira, SummaryRefusesWhatAreNoScores) {
  const torch::Tensor good = torch::ones({2, 3}, torch::kFloat64);
  const auto refused = [&](const torch::Tensor& unlearned, const torch::Tensor& oracle) {
    const UliraScores sets[] = {{good, good}, {unlearned, oracle}};
    return message_of<InputError>([&] { summarise_ulira(sets); });
  };
  EXPECT_EQ(refused(good, good), "nothing thrown");
  EXPECT_EQ(message_of<InputError>([] { summarise_ulira({}); }),
            "U-LiRA: scores of at least one set required, got none");
  EXPECT_EQ(refused(good.slice(0, 0, 1), good),
            "unlearned scores of set 1: at least 2 models and 1 example required, got [1, 3]");
  EXPECT_EQ(refused(good.slice(1, 0, 0), good.slice(1, 0, 0)),
            "unlearned scores of set 1: at least 2 models and 1 example required, got [2, 0]");
  EXPECT_EQ(refused(good, good.slice(1, 0, 2)),
            "scores of set 1: the same examples required, got unlearned [2, 3], oracles [2, 2]");
  EXPECT_EQ(refused(good, good.to(torch::kFloat32)),
            "oracle scores of set 1: expected (models, examples) of float64, got [2, 3] of Float");
  EXPECT_EQ(refused(good, good / 0), "oracle scores of set 1: one is NaN or infinite");
}

TEST(Ulira, IsTellingFromTwoHundredExamplesAndFiftyAttackedModelsASide) {
  EXPECT_TRUE(ulira_is_telling(200, 50, 50));
  EXPECT_FALSE(ulira_is_telling(199, 50, 50));
  EXPECT_FALSE(ulira_is_telling(200, 49, 50));
  EXPECT_FALSE(ulira_is_telling(200, 50, 49));
}

}  // namespace
}  // namespace expunge
