#include "expunge/evaluate/class_effects.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "expunge/core/error.h"

namespace expunge {
namespace {

TEST(ShrunkToMean, FollowsTheClosedForm) {
  // Weighted mean 2, mean square deviation 11 / 3, less a mean variance of 1: tau^2 = 8 / 3.
  const std::vector<double> values = {0, 1, 5}, variances = {1, 1, 1};
  const auto shrunk = shrunk_to_mean(values, variances);
  const double mean = 2, prior = (4.0 + 1 + 9) / 3 - 1;
  for (size_t k = 0; k < 3; ++k)
    EXPECT_NEAR(shrunk[k], mean + prior / (prior + 1) * (values[k] - mean), 1e-12);
}

TEST(ShrunkToMean, GivesTheMeanWhereNoiseExplainsAllAndLeavesOneValueAlone) {
  const std::vector<double> values = {1, 3}, variances = {4, 4};
  EXPECT_EQ(shrunk_to_mean(values, variances), (std::vector<double>{2, 2}));
  EXPECT_EQ(shrunk_to_mean(std::vector<double>{7}, std::vector<double>{9}), std::vector<double>{7});
  EXPECT_THROW(shrunk_to_mean(values, std::vector<double>{1}), Error);
}

TEST(ClassEffects, FindsSlopesAmongNoise) {
  const int64_t classes = 3, models = 4000;
  std::mt19937 engine(3);
  std::normal_distribution<double> normal;
  std::vector<double> left_out(static_cast<size_t>(models * classes)), margins = left_out;
  const auto slope = [](int64_t a, int64_t b) {
    return a == b ? -0.5 - 0.2 * static_cast<double>(a) : 0.1 * static_cast<double>(a + 2 * b);
  };
  for (int64_t i = 0; i < models; ++i) {
    for (int64_t a = 0; a < classes; ++a)
      left_out[static_cast<size_t>(i * classes + a)] = 20 + 3 * normal(engine);
    for (int64_t b = 0; b < classes; ++b) {
      double margin = normal(engine);
      for (int64_t a = 0; a < classes; ++a)
        margin += slope(a, b) * left_out[static_cast<size_t>(i * classes + a)];
      margins[static_cast<size_t>(i * classes + b)] = margin;
    }
  }
  const ClassEffects effects(left_out, margins, classes);
  for (int64_t a = 0; a < classes; ++a) {
    for (int64_t b = 0; b < classes; ++b) EXPECT_NEAR(effects.effect(a, b), slope(a, b), 0.05);
  }
}

TEST(ClassEffects, HasNoneForAClassThatEveryModelWasLeftAsMuchOf) {
  const std::vector<double> left_out = {5, 1, 5, 2, 5, 3, 5, 4}, margins = {1, 2, 0, 5, 3, 5, 4, 9};
  const ClassEffects effects(left_out, margins, 2);
  EXPECT_EQ(effects.effect(0, 0), 0);
  EXPECT_EQ(effects.effect(0, 1), 0);
  EXPECT_GT(effects.effect(1, 1), 0);
  EXPECT_THROW(ClassEffects(left_out, std::vector<double>{1, 2}, 2), Error);
}

}  // namespace
}  // namespace expunge
