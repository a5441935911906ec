#include "expunge/evaluate/roc.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "expunge/core/error.h"

namespace expunge {
namespace {

/// Whole-number scores from a short range have many ties; positives lie higher by `shift`.
std::vector<ScoredDecision> random_decisions(int count, int range, int shift, unsigned seed,
                                             bool has_weights = false) {
  std::mt19937 engine(seed);
  std::vector<ScoredDecision> decisions;
  for (int i = 0; i < count; ++i) {
    const bool is_positive = i < 1 || (i > 1 && engine() % 3 == 0);
    const double weight = has_weights ? 0.25 * static_cast<double>(1 + engine() % 8) : 1;
    const auto score = static_cast<double>(engine() % range) + (is_positive ? shift : 0);
    decisions.push_back({score, weight, is_positive});
  }
  return decisions;
}

/// Share of the weight of one kind whose score is at least t.
double rate(const std::vector<ScoredDecision>& decisions, bool is_positive, double t) {
  double called = 0;
  double all = 0;
  for (const auto& decision : decisions) {
    if (decision.is_positive != is_positive) continue;
    all += decision.weight;
    if (decision.score >= t) called += decision.weight;
  }
  return called / all;
}

/// Every pair of a positive and a negative, ties counting half.
double area_by_pairs(const std::vector<ScoredDecision>& decisions) {
  double won = 0;
  double all = 0;
  for (const auto& a : decisions) {
    for (const auto& b : decisions) {
      if (!a.is_positive || b.is_positive) continue;
      const double weight = a.weight * b.weight;
      all += weight;
      won += a.score > b.score ? weight : a.score == b.score ? weight / 2 : 0;
    }
  }
  return won / all;
}

/// The greatest true-positive rate of all thresholds, infinity among them.
double true_positives_by_search(const std::vector<ScoredDecision>& decisions, double limit) {
  double best = 0;
  for (const auto& decision : decisions) {
    if (rate(decisions, false, decision.score) > limit) continue;
    best = std::max(best, rate(decisions, true, decision.score));
  }
  return best;
}

TEST(Roc, CurveAreaAndRatesAreThoseOfEveryThresholdAndPair) {
  for (const bool has_weights : {false, true}) {
    for (const int range : {1, 2, 7, 1000}) {
      for (const int shift : {-1, 0, 1, 3}) {
        const auto decisions = random_decisions(300, range, shift, range + shift, has_weights);
        const auto curve = roc_curve(decisions);
        std::vector<double> thresholds;
        for (const auto& decision : decisions) thresholds.push_back(decision.score);
        std::sort(thresholds.rbegin(), thresholds.rend());
        thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
        ASSERT_EQ(curve.size(), thresholds.size() + 1);
        for (size_t i = 0; i < thresholds.size(); ++i) {
          EXPECT_NEAR(curve[i + 1].false_positive_rate, rate(decisions, false, thresholds[i]),
                      1e-12);
          EXPECT_NEAR(curve[i + 1].true_positive_rate, rate(decisions, true, thresholds[i]), 1e-12);
        }
        EXPECT_NEAR(area_under(curve), area_by_pairs(decisions), 1e-12);
        for (const double limit : {0.0, 0.001, 0.0101, 0.123, 0.999}) {
          EXPECT_NEAR(true_positive_rate_at(curve, limit),
                      true_positives_by_search(decisions, limit), 1e-12);
        }
      }
    }
  }
}

TEST(Roc, BeginsAndEndsExactlyAtItsCorners) {
  const auto curve = roc_curve(random_decisions(1000, 50, 1, 3, true));
  EXPECT_EQ(curve.front().false_positive_rate, 0);
  EXPECT_EQ(curve.front().true_positive_rate, 0);
  EXPECT_EQ(curve.back().false_positive_rate, 1);
  EXPECT_EQ(curve.back().true_positive_rate, 1);
}

TEST(Roc, OfPerfectReversedAndBlindScores) {
  const auto area = [](double positive, double negative) {
    return area_under(roc_curve({{positive, 1, true}, {negative, 1, false}, {positive, 1, true}}));
  };
  EXPECT_EQ(area(2, 1), 1);
  EXPECT_EQ(area(1, 2), 0);
  EXPECT_EQ(area(1, 1), 0.5);
  EXPECT_EQ(true_positive_rate_at(roc_curve({{2, 1, true}, {1, 1, false}}), 0), 1);
  EXPECT_EQ(true_positive_rate_at(roc_curve({{1, 1, true}, {1, 1, false}}), 0.99), 0);
}

TEST(Roc, AFalsePositiveRateThatIsReachedExactlyCounts) {
  // Of 100 negatives one lies above the second positive.
  std::vector<ScoredDecision> decisions = {{9, 1, true}, {7, 1, true}, {8, 1, false}};
  for (int i = 0; i < 99; ++i) decisions.push_back({1, 1, false});
  const auto curve = roc_curve(decisions);
  EXPECT_EQ(true_positive_rate_at(curve, 0.01), 1);
  EXPECT_EQ(true_positive_rate_at(curve, 0.0099), 0.5);
}

TEST(Roc, ThinnedCurveKeepsEndsAndLowRates) {
  std::mt19937 engine(5);
  std::normal_distribution<double> normal;
  std::vector<ScoredDecision> decisions;
  for (int i = 0; i < 40000; ++i) decisions.push_back({normal(engine) + i % 2, 1, i % 2 == 1});
  const auto curve = roc_curve(decisions);
  const auto thinned = thinned_roc(curve, 200);
  ASSERT_LE(thinned.size(), 200U);
  ASSERT_GT(thinned.size(), 150U);
  const auto same = [](const RocPoint& a, const RocPoint& b) {
    return a.false_positive_rate == b.false_positive_rate &&
           a.true_positive_rate == b.true_positive_rate;
  };
  EXPECT_TRUE(same(thinned.front(), curve.front()));
  EXPECT_TRUE(same(thinned.back(), curve.back()));
  for (const auto& point : thinned) {
    EXPECT_TRUE(
        std::any_of(curve.begin(), curve.end(), [&](const RocPoint& p) { return same(p, point); }));
  }
  for (size_t i = 1; i < thinned.size(); ++i) {
    EXPECT_FALSE(same(thinned[i], thinned[i - 1]));
    EXPECT_GE(thinned[i].true_positive_rate, thinned[i - 1].true_positive_rate);
  }
  for (const double limit : {0.0, 0.001, 0.01}) {
    EXPECT_NEAR(true_positive_rate_at(thinned, limit), true_positive_rate_at(curve, limit), 0.005);
  }
  EXPECT_NEAR(area_under(thinned), area_under(curve), 0.001);
}

TEST(Roc, ShortCurvesAreNotThinned) {
  const auto curve = roc_curve(random_decisions(100, 9, 1, 6));
  EXPECT_EQ(thinned_roc(curve, 200).size(), curve.size());
  EXPECT_EQ(thinned_roc(curve, std::ssize(curve)).size(), curve.size());
  EXPECT_LE(thinned_roc(curve, 3).size(), 3U);
  EXPECT_THROW(thinned_roc(curve, 2), Error);
}

TEST(Roc, RefusesOneKindAloneAndWhatIsNoNumber) {
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THROW(roc_curve({}), InputError);
  EXPECT_THROW(roc_curve({{1, 1, true}}), InputError);
  EXPECT_THROW(roc_curve({{1, 1, false}}), InputError);
  EXPECT_THROW(roc_curve({{1, 0, true}, {1, 1, false}}), InputError);
  EXPECT_THROW(roc_curve({{nan, 1, true}, {1, 1, false}}), NonFiniteError);
  EXPECT_THROW(roc_curve({{1, 1, true}, {-infinity, 1, false}}), NonFiniteError);
  EXPECT_THROW(roc_curve({{1, nan, true}, {1, 1, false}}), NonFiniteError);
}

}  // namespace
}  // namespace expunge
