#include "expunge/report/pareto.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "expunge/core/error.h"

namespace expunge {
namespace {

/// Straight from the definition.
std::vector<size_t> by_brute_force(const std::vector<double>& costs,
                                   const std::vector<double>& scores) {
  std::vector<size_t> frontier;
  for (size_t i = 0; i < costs.size(); ++i) {
    bool beaten = false;
    for (size_t j = 0; j < costs.size(); ++j) {
      const bool no_worse = costs[j] <= costs[i] && scores[j] <= scores[i];
      const bool better = costs[j] < costs[i] || scores[j] < scores[i];
      beaten = beaten || (no_worse && (better || j < i));
    }
    if (!beaten) frontier.push_back(i);
  }
  std::sort(frontier.begin(), frontier.end(),
            [&](size_t a, size_t b) { return costs[a] < costs[b]; });
  return frontier;
}

TEST(Pareto, IsWhatBruteForceFinds) {
  std::mt19937 random(5);
  // Few values, so that ties and equal choices are common.
  std::uniform_int_distribution<int> value(0, 9), length(0, 25);
  for (int round = 0; round < 300; ++round) {
    std::vector<double> costs(length(random)), scores(costs.size());
    for (double& cost : costs) cost = value(random) / 10.0;
    for (double& score : scores) score = value(random);
    EXPECT_EQ(pareto_frontier(costs, scores), by_brute_force(costs, scores)) << "round " << round;
  }
}

TEST(Pareto, OfEqualChoicesTheFirstIsTaken) {
  EXPECT_EQ(pareto_frontier({1, 1, 2}, {3, 3, 3}), (std::vector<size_t>{0}));
}

TEST(Pareto, RefusesWhatDoesNotFit) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(pareto_frontier({1, 2}, {1}), InputError);
  EXPECT_THROW(pareto_frontier({1, kNan}, {1, 2}), NonFiniteError);
  EXPECT_THROW(pareto_frontier({1}, {INFINITY}), NonFiniteError);
}

}  // namespace
}  // namespace expunge
