// Matching against closed forms on linear models, where a step solves the problem exactly.
#include "expunge/unlearn/target_matching.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "unlearn/linear_task.h"

namespace expunge {
namespace {

TEST(KernelMatching, OneStepIsTheDampedLeastSquaresSolution) {
  LinearTask f;
  MatchingOptions options;
  options.kernel = {.steps = 1, .retain_points = 28, .damp = 0.05};
  const auto w0 = f.weights();
  const auto x = f.design().narrow(0, 0, 30);  // all of S
  TargetMatching(options).unlearn(*f.network, f.task());
  // Independently: minimise |X dW' - R|^2 + damp mean(diag K) |dW|^2 over all 30 points, by normal
  // equations in weight space instead of sample space.
  auto residual = torch::zeros({30, 3}, torch::kFloat64);
  for (const int64_t i : f.forget) residual[i] = f.targets[i] - x[i].matmul(w0.t());
  const double penalty = 0.05 * x.square().sum(1).mean().item<double>();
  const auto normal = x.t().matmul(x) + penalty * torch::eye(7, torch::kFloat64);
  const auto change = at::linalg_solve(normal, x.t().matmul(residual)).t();
  EXPECT_TRUE(torch::allclose(f.weights(), w0 + change, 1e-9, 1e-9));
}

TEST(KernelMatching, ReachesTargetsThatCanBeReached) {
  LinearTask f;
  MatchingOptions options;
  options.kernel = {.steps = 1, .retain_points = 3, .damp = 1e-9};
  const auto summary = TargetMatching(options).unlearn(*f.network, f.task());
  EXPECT_GT(summary.forget_error_before, 0.3);
  EXPECT_LT(summary.forget_error_after, 1e-6);
  // 5 points: a forward, 3 backward passes for the kernel, a forward and a backward for the step.
  EXPECT_NEAR(summary.sample_gradients, 5 * (1.0 / 3 + 2.0 + 1), 1e-9);
}

TEST(KernelMatching, RetainedExamplesKeepTheFullModelsLogits) {
  LinearTask f;
  MatchingOptions options;
  options.kernel = {.steps = 2, .retain_points = 4, .damp = 1e-9};
  const auto before = evaluate_logits(*f.network, f.problem.inputs.to(torch::kFloat64));
  TargetMatching(options).unlearn(*f.network, f.task());
  // The second step's four examples are the second drawing of the task's stream.
  CounterRng rng(derive_seed(5, "retained examples", 0));
  std::vector<int64_t> retained;
  for (int64_t i = 0; i < 30; ++i) {
    if (i != 4 && i != 17) retained.push_back(i);
  }
  rng.permutation(28);
  const auto order = rng.permutation(28);
  const auto after = evaluate_logits(*f.network, f.problem.inputs.to(torch::kFloat64));
  for (int k = 0; k < 4; ++k) {
    const int64_t i = retained[static_cast<size_t>(order[static_cast<size_t>(k)])];
    EXPECT_TRUE(torch::allclose(after[i], before[i], 1e-5, 1e-5));
  }
  EXPECT_TRUE(torch::allclose(after[4], f.targets[4], 1e-5, 1e-5));
}

TEST(KernelMatching, PredictedRetainTargetsAreReachedToo) {
  LinearTask f;
  MatchingOptions options;
  options.retain_targets = RetainTargets::predicted;
  options.kernel = {.steps = 1, .retain_points = 2, .damp = 1e-9};
  TargetMatching(options).unlearn(*f.network, f.task());
  const auto after = evaluate_logits(*f.network, f.problem.inputs.to(torch::kFloat64));
  const auto reached = (after - f.targets).abs().amax(1).narrow(0, 0, 30) < 1e-4;
  EXPECT_EQ(reached.sum().item<int64_t>(), 4);  // F and the two drawn
}

TEST(GradientMatching, ComesCloseToTargetsAndKeepsTheRest) {
  LinearTask f;
  MatchingOptions options;
  options.engine = MatchingEngine::gradient;
  options.gradient.epochs = 400;
  options.gradient.learning_rate = 0.02;
  options.gradient.retain_multiplier = 1;
  options.gradient.forget_multiplier = 10;
  const auto summary = TargetMatching(options).unlearn(*f.network, f.task());
  EXPECT_LT(summary.forget_error_after, 0.2 * summary.forget_error_before);
  EXPECT_NEAR(summary.sample_gradients, 400 * (20 + 2 + 2 / 3.0), 1e-6);
}

TEST(Matching, DefaultRuleFitsAnyForgetSet) {
  for (const int64_t forget : {1, 20, 100, 1000, 1999}) {
    const auto rule = default_matching(forget, 2000);
    EXPECT_GE(rule.steps, 1);
    EXPECT_GE(rule.retain_points, 1);
    EXPECT_LE(rule.retain_points, 2000 - forget);
  }
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

TEST(Matching, BadTasksAreRefused) {
  LinearTask f;
  const TargetMatching matching{MatchingOptions{}};
  const auto run = [&](UnlearnTask task) {
    return message_of([&] { matching.unlearn(*f.network, task); });
  };
  auto task = f.task();
  task.targets = f.targets.narrow(0, 0, 33);
  EXPECT_EQ(run(task), "matching: targets (34, 3) required, got (33, 3)");
  task.targets = torch::Tensor();
  EXPECT_EQ(run(task), "matching: targets (34, 3) required, got (none)");
  task.targets = f.targets.clone();
  task.targets[3][1] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(run(task), "matching: a target is not finite");
  auto repeated = f.task();
  const std::vector<int64_t> twice = {3, 3};
  repeated.forget = twice;
  EXPECT_EQ(run(repeated), "unlearning: index 3 is there twice");
}

TEST(Matching, OptionsOutOfRangeAreRefused) {
  MatchingOptions options;
  options.kernel.damp = 0;
  EXPECT_EQ(message_of([&] { TargetMatching{options}; }),
            "option damp: a number above 0 required, got 0");
}

}  // namespace
}  // namespace expunge
