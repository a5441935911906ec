#include "expunge/convex/comparison.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "expunge/data/forget_set.h"
#include "reference.h"

namespace expunge {
namespace {

constexpr double kRounding = 1e-13;  // of the unit, the full model's distance

// Forgotten examples along a direction in which the others hardly vary (docs/theory.md, proposition 6).
Table rare_direction(std::vector<int64_t>& forget) {
  auto table = random_table(200, 5, 1, 3);
  table.x.select(1, 4).mul_(0.05);
  forget = {0, 20, 40, 60, 80, 100, 120, 140};
  for (const int64_t i : forget) {
    table.x[i].zero_();
    table.x[i][4] = 3;
    table.y[i] += 4;
  }
  return table;
}

ComparisonOptions quick() {
  ComparisonOptions options;
  options.steps = 400;
  options.sgd_steps = 4000;
  options.runs = 24;
  options.ball_steps = 4;
  return options;
}

const MethodCurve& named(const ConvexComparison& found, const std::string& name) {
  for (const auto& curve : found.curves) {
    if (curve.name == name) return curve;
  }
  throw std::runtime_error(name);
}

TEST(Comparison, RidgeRatesAreThosePredictedAndBoundsHold) {
  std::vector<int64_t> forget;
  const auto table = rare_direction(forget);
  const auto found = compare_ridge(table, forget, {0.5, true, Standardise::none}, quick(), 2);
  EXPECT_LT(found.relative_error, 1e-12);
  for (const auto& curve : found.curves) {
    ASSERT_EQ(curve.times.size(), curve.measured.size());
    if (curve.theory == Theory::exact) {
      for (size_t i = 0; i < curve.times.size(); ++i) {
        if (curve.measured[i] > 1e-9) {
          EXPECT_NEAR(curve.measured[i] / curve.predicted[i], 1, 1e-4) << curve.name;
        }
      }
    } else {
      for (size_t i = 0; i < curve.times.size(); ++i) {
        EXPECT_NEAR(curve.measured[i], curve.predicted[i],
                    0.1 * curve.predicted[i] + 5 * curve.error[i] + kRounding)
            << curve.name << i;
        EXPECT_LE(curve.measured[i], curve.bound[i] + 5 * curve.error[i] + kRounding) << curve.name;
      }
    }
    if (curve.predicted_rate > 1e-5 && curve.name != "retain loss, SGD") {
      EXPECT_NEAR(curve.measured_rate / curve.predicted_rate, 1, 0.1) << curve.name;
    }
  }
  // The separation: matching is there, the retain loss is not.
  EXPECT_LT(named(found, "matching, SGD").measured.back(), 1e-4);
  EXPECT_GT(named(found, "retain loss, SGD").measured.back(), 1e-2);
  EXPECT_GT(named(found, "retain loss, descent").measured.back(),
            100 * named(found, "matching, descent").measured.back());
  EXPECT_GT(named(found, "ascent-descent").measured.back(), 1e-3);
}

TEST(Comparison, NoiseBallGrowsWithTheStepAsPredicted) {
  std::vector<int64_t> forget = {1, 5, 9};
  const auto table = random_table(150, 4, 2, 23);
  const auto found = compare_ridge(table, forget, {1, true, Standardise::fixed}, quick(), 2);
  ASSERT_EQ(found.balls.size(), 4U);
  for (const auto& ball : found.balls) {
    EXPECT_NEAR(ball.measured / ball.predicted, 1, 0.1);
    EXPECT_LE(ball.measured, ball.bound);
    EXPECT_NEAR(ball.first_order / ball.predicted, 1, 0.3);
  }
  EXPECT_NEAR(found.ball_slope, found.predicted_ball_slope, 0.05);
  EXPECT_NEAR(found.ball_slope, 1, 0.15);
}

TEST(Comparison, LogisticMatchingIsExactAndTheRestLinearised) {
  auto x = random_matrix(120, 3, 5);
  for (const int64_t classes : {2, 3}) {
    const auto labels =
        (x.matmul(random_matrix(3, classes, 6)) + random_matrix(120, classes, 7)).argmax(1);
    std::vector<std::string> names(static_cast<size_t>(classes), "c");
    const auto table = labelled_table(x, labels, names);
    const std::vector<int64_t> forget = {3, 17, 40, 41};
    const auto found = compare_logistic(table, forget, {1, true, Standardise::fixed}, quick(), 2);
    const auto& matching = named(found, "matching, descent");
    for (size_t i = 0; i < matching.times.size(); ++i) {
      if (matching.measured[i] > 1e-9) {
        EXPECT_NEAR(matching.measured[i] / matching.predicted[i], 1, 1e-4);
      }
    }
    const auto& retain = named(found, "retain loss, descent");
    EXPECT_NEAR(retain.measured_rate / retain.predicted_rate, 1, 0.1);
    // Closed forms in the order of what they know.
    double last = 2;
    for (const auto& form : found.closed_forms) {
      if (form.name == "the full model's fit") break;
      EXPECT_LT(form.distance, last) << form.name;
      last = form.distance;
    }
    for (const auto& ball : found.balls)
      EXPECT_NEAR(ball.measured / ball.first_order, 1, 0.35) << classes;
    EXPECT_NEAR(found.ball_slope, 1, 0.2);
    EXPECT_THROW(compare_logistic(table, forget, {1, true, Standardise::again}, quick(), 2),
                 OptionError);
  }
}

TEST(Comparison, ExamplesWithoutWeightAreNothingToCompare) {
  auto table = random_table(40, 3, 1, 51);
  table.weights = torch::ones({40}, torch::kFloat64);
  table.weights[4] = 0;
  EXPECT_THROW(
      compare_ridge(table, std::vector<int64_t>{4}, {1, true, Standardise::none}, quick(), 1),
      InputError);
}

TEST(Comparison, FewerExamplesThanFeatures) {
  const auto table = random_table(12, 30, 2, 61);
  const std::vector<int64_t> forget = {0, 7};
  auto options = quick();
  options.ball_steps = 1;
  const auto found = compare_ridge(table, forget, {0.5, false, Standardise::none}, options, 1);
  EXPECT_LT(found.relative_error, 1e-11);
  for (const auto& curve : found.curves) {
    EXPECT_TRUE(std::isfinite(curve.measured.back())) << curve.name;
    if (curve.name == "matching, descent") {
      // Ten retained and two forgotten examples span the error: it goes to nothing.
      EXPECT_LT(curve.measured.back(), 1e-3);
      EXPECT_NEAR(curve.measured_rate / curve.predicted_rate, 1, 0.01);
    }
  }
}

TEST(Comparison, StandardisedAgainEndsAtRetraining) {
  auto table = random_table(60, 4, 1, 33);
  table.x = (table.x * 5 + 30).contiguous();
  const std::vector<int64_t> forget = {2, 3, 30};
  auto options = quick();
  options.ball_steps = 0;
  const auto found = compare_ridge(table, forget, {1, true, Standardise::again}, options, 1);
  EXPECT_LT(relative_error(stacked(found.unlearned),
                           standardised_ridge(table, retain_indices(forget, 60), 1, true)),
            1e-10);
  EXPECT_TRUE(found.balls.empty());
  EXPECT_LT(named(found, "matching, descent").measured.back(), 1e-6);
}

}  // namespace
}  // namespace expunge
