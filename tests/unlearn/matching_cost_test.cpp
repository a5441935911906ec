// What is told of a matching's cost is what it costs.
#include "expunge/unlearn/matching_cost.h"

#include <gtest/gtest.h>

#include "unlearn/linear_task.h"

namespace expunge {
namespace {

void expect_told(const MatchingOptions& options, const std::vector<int64_t>& forget) {
  LinearTask f;
  f.forget = forget;
  const auto summary = TargetMatching(options).unlearn(*f.network, f.task());
  EXPECT_NEAR(matching_cost(options, std::ssize(forget), 30, 3), summary.sample_gradients, 1e-9);
}

TEST(MatchingCost, OfTheKernelEngineIsWhatItCounts) {
  MatchingOptions options;
  expect_told(options, {4, 17});
  options.retain_targets = RetainTargets::predicted;
  expect_told(options, {4, 17, 20});
  options.kernel = {.steps = 2, .retain_points = 7, .curvature_points = 0};
  expect_told(options, {1});
  options.retain_targets = RetainTargets::own;
  options.kernel.kernel_rows = 8;  // two examples a solution
  expect_told(options, {1, 5, 6, 9, 11});
  options.kernel.retain_points = 0;
  expect_told(options, {1, 5, 6, 9, 11});
}

TEST(MatchingCost, OfTheGradientEngineIsWhatItCounts) {
  MatchingOptions options;
  options.engine = MatchingEngine::gradient;
  options.gradient.epochs = 3;
  expect_told(options, {4, 17});
  expect_told(options, {1, 5, 6, 9, 11});  // all others are retained examples
  options.retain_targets = RetainTargets::predicted;
  expect_told(options, {4, 17});
}

}  // namespace
}  // namespace expunge
