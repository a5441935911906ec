// Matching against closed forms on linear models, where a step solves the problem exactly.
#include "expunge/unlearn/target_matching.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/unlearn/retained_sample.h"
#include "message_of.h"
#include "unlearn/linear_task.h"

namespace expunge {
namespace {

/// Gradient of the margin with respect to the logits, by differences of its definition.
torch::Tensor margin_direction(const torch::Tensor& logits, int64_t label) {
  const auto margin = [&](torch::Tensor z) {
    const auto own = z[label].clone();
    z[label] = -std::numeric_limits<double>::infinity();
    return (own - z.logsumexp(0)).item<double>();
  };
  auto direction = torch::zeros_like(logits);
  for (int64_t c = 0; c < logits.size(0); ++c) {
    auto up = logits.clone(), down = logits.clone();
    up[c] += 1e-6;
    down[c] -= 1e-6;
    direction[c] = (margin(up) - margin(down)) / 2e-6;
  }
  return direction / direction.norm();
}

TEST(KernelMatching, OneStepIsTheDampedLeastSquaresSolution) {
  LinearTask f;
  MatchingOptions options;
  options.kernel = {.steps = 1, .retain_points = 28, .damp = 0.05, .curvature_points = 0};
  const auto w0 = f.weights();
  const auto x = f.design().narrow(0, 0, 30);  // all of S
  const auto z = x.matmul(w0.t());
  TargetMatching(options).unlearn(*f.network, f.task());
  // Independently, with the Jacobian written out: all three logits of F, the margin of the others,
  // and the least squares solution by normal equations in weight space instead of sample space.
  std::vector<torch::Tensor> rows;
  std::vector<torch::Tensor> residual;
  const auto add = [&](int64_t i, const torch::Tensor& v, const torch::Tensor& missing) {
    rows.push_back(torch::outer(v, x[i]).flatten());
    residual.push_back(v.dot(missing));
  };
  for (int64_t i = 0; i < 30; ++i) {
    if (std::count(f.forget.begin(), f.forget.end(), i) > 0) {
      const auto eye = torch::eye(3, torch::kFloat64);
      for (int64_t c = 0; c < 3; ++c) add(i, eye[c], f.targets[i] - z[i]);
    } else {
      add(i, margin_direction(z[i], f.problem.labels[i].item<int64_t>()), torch::zeros_like(z[i]));
    }
  }
  const auto j = torch::stack(rows);
  const double penalty = 0.05 * j.square().sum(1).mean().item<double>();
  const auto normal = j.t().matmul(j) + penalty * torch::eye(j.size(1), torch::kFloat64);
  const auto change = at::linalg_solve(normal, j.t().mv(torch::stack(residual)));
  EXPECT_TRUE(torch::allclose(f.weights(), w0 + change.view_as(w0), 1e-7, 1e-7));
}

TEST(KernelMatching, WithCurvatureOtherExamplesMoveLess) {
  // Inputs with one coordinate ten times the others: the plain step uses it for everything.
  const auto moved = [](int64_t curvature_points) {
    LinearTask f;
    f.problem.inputs.select(3, 0).mul_(10);
    MatchingOptions options;
    options.kernel = {.steps = 1,
                      .retain_points = 1,
                      .damp = 1e-6,
                      .curvature_points = curvature_points,
                      .curvature_damp = 0.01};
    const auto inputs = f.problem.inputs.to(torch::kFloat64);
    const auto before = evaluate_logits(*f.network, inputs).clone();
    const auto summary = TargetMatching(options).unlearn(*f.network, f.task());
    EXPECT_LT(summary.forget_error_after, 1e-2 * summary.forget_error_before);
    return (evaluate_logits(*f.network, inputs) - before).square().mean().item<double>();
  };
  EXPECT_LT(moved(28), 0.7 * moved(0));
}

TEST(KernelMatching, ReachesTargetsThatCanBeReached) {
  LinearTask f;
  MatchingOptions options;
  options.kernel = {.steps = 1, .retain_points = 3, .damp = 1e-9, .curvature_points = 20};
  const auto summary = TargetMatching(options).unlearn(*f.network, f.task());
  EXPECT_GT(summary.forget_error_before, 0.3);
  EXPECT_LT(summary.forget_error_after, 1e-6);
  // 20 for the curvature; a forward, 3 backward passes for F's 2 points, a forward and one backward
  // for the 3 others, and the weights' part of a backward pass for all 5.
  EXPECT_NEAR(summary.sample_gradients, 20 + 2 * (1.0 / 3 + 2) + 3 + 5 / 3.0, 1e-9);
}

/// |v . (a - b)| for v the margin's direction at logits `at`, of example i.
double along_margin(const LinearTask& f, int64_t i, const torch::Tensor& at, const torch::Tensor& a,
                    const torch::Tensor& b) {
  return std::abs(
      margin_direction(at[i], f.problem.labels[i].item<int64_t>()).dot(a[i] - b[i]).item<double>());
}

TEST(KernelMatching, RetainedExamplesKeepTheFullModelsMargins) {
  LinearTask f;
  MatchingOptions options;
  options.kernel = {.steps = 2, .retain_points = 4, .damp = 1e-9, .curvature_points = 10};
  const auto logits = [&](Network& network) {
    return evaluate_logits(network, f.problem.inputs.to(torch::kFloat64)).clone();
  };
  const auto before = logits(*f.network);
  auto task = f.task();
  std::vector<torch::Tensor> after;
  task.after_pass = [&](Network& network, double) { after.push_back(logits(network)); };
  TargetMatching(options).unlearn(*f.network, task);
  ASSERT_EQ(after.size(), 2u);
  CounterRng rng(derive_seed(5, "retained examples", 0));
  const std::vector<torch::Tensor> at = {before, after[0]};
  for (size_t step = 0; step < 2; ++step) {
    // 2 x 3 + 4 rows of 21 weights: a linear model reaches them all.
    const auto drawn = matching::draw_retained(task, 4, rng);
    for (int64_t i = 0; i < 30; ++i) {
      const double off = along_margin(f, i, at[step], after[step], before);
      if (std::count(drawn.begin(), drawn.end(), i) > 0) {
        EXPECT_LT(off, 1e-5) << i;
      } else {
        EXPECT_GT(off, 1e-5) << i;
      }
    }
    for (const int64_t i : f.forget)
      EXPECT_TRUE(torch::allclose(after[step][i], f.targets[i], 1e-5, 1e-5));
  }
}

TEST(KernelMatching, InPartsReachesTheTargetsTurnByTurn) {
  LinearTask f;
  MatchingOptions options;
  // Three logits and one retained margin an example: 4 rows take one example, F has two.
  options.kernel = {
      .steps = 1, .retain_points = 1, .damp = 1e-9, .curvature_points = 0, .kernel_rows = 4};
  const auto logits = [&] {
    return evaluate_logits(*f.network, f.problem.inputs.to(torch::kFloat64)).clone();
  };
  const auto summary = TargetMatching(options).unlearn(*f.network, f.task());
  // The part that came last is where it should be, the first was moved again.
  const auto off = (logits() - f.targets).abs().amax(1);
  const double a = off[f.forget[0]].item<double>();
  const double b = off[f.forget[1]].item<double>();
  EXPECT_LT(std::min(a, b), 1e-6);
  EXPECT_GT(std::max(a, b), 1e-3);
  EXPECT_LT(summary.forget_error_after, summary.forget_error_before);
  // For each part as in one solution, and a third for the second part's retained example once more.
  EXPECT_NEAR(summary.sample_gradients, 2 * (1.0 / 3 + 2 + 1 + 2 / 3.0) + 1 / 3.0, 1e-9);
  options.kernel.steps = 30;
  const auto more = TargetMatching(options).unlearn(*f.network, f.task());
  EXPECT_LT(more.forget_error_after, 0.5 * summary.forget_error_after);
}

TEST(KernelMatching, WhatFitsIsOneSolutionWhateverTheLimit) {
  LinearTask f, g;
  MatchingOptions options;
  options.kernel = {.steps = 2, .retain_points = 4, .curvature_points = 10, .kernel_rows = 8};
  TargetMatching(options).unlearn(*f.network, f.task());
  options.kernel.kernel_rows = 1200;
  TargetMatching(options).unlearn(*g.network, g.task());
  EXPECT_TRUE(torch::equal(f.weights(), g.weights()));
}

TEST(KernelMatching, PredictedRetainTargetsAreReachedToo) {
  LinearTask f;
  MatchingOptions options;
  options.retain_targets = RetainTargets::predicted;
  options.kernel = {.steps = 1, .retain_points = 4, .damp = 1e-9, .curvature_points = 10};
  const auto inputs = f.problem.inputs.to(torch::kFloat64);
  const auto before = evaluate_logits(*f.network, inputs).clone();
  TargetMatching(options).unlearn(*f.network, f.task());
  const auto after = evaluate_logits(*f.network, inputs);
  CounterRng rng(derive_seed(5, "retained examples", 0));
  for (const int64_t i : matching::draw_retained(f.task(), 4, rng))
    EXPECT_LT(along_margin(f, i, before, after, f.targets), 1e-5) << i;
}

TEST(RetainedSample, IsOfRetainedExamplesWithoutRepetition) {
  LinearTask f;
  CounterRng rng(1);
  for (const int64_t count : {1, 2, 9, 27, 28, 100}) {
    const auto drawn = matching::draw_retained(f.task(), count, rng);
    const std::set<int64_t> once(drawn.begin(), drawn.end());
    EXPECT_EQ(static_cast<int64_t>(once.size()), std::min<int64_t>(count, 28));
    EXPECT_EQ(once.size(), drawn.size());
    for (const int64_t i : f.forget) EXPECT_EQ(once.count(i), 0u);
    EXPECT_LT(*once.rbegin(), 30);
  }
}

TEST(RetainedSample, IsHalfOfTheForgetSetsClasses) {
  LinearTask f;
  f.problem.training.labels = torch::arange(30, torch::kInt64).remainder(3);
  f.forget = {0, 3, 6, 1};  // three of class 0, one of class 1
  std::array<double, 3> counts{};
  constexpr int64_t draws = 4000;
  CounterRng rng(2);
  for (int64_t k = 0; k < draws; ++k) {
    for (const int64_t i : matching::draw_retained(f.task(), 4, rng)) ++counts[i % 3];
  }
  // Two by F's labels: 3/4 and 1/4; two uniform from the 24 others: 7 - 1.5, 9 - 0.5 and 10 of them.
  EXPECT_NEAR(counts[0] / draws, 1.5 + 2 * 5.5 / 24, 0.05);
  EXPECT_NEAR(counts[1] / draws, 0.5 + 2 * 8.5 / 24, 0.05);
  EXPECT_NEAR(counts[2] / draws, 2 * 10.0 / 24, 0.05);
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

TEST(Matching, BadTasksAreRefused) {
  LinearTask f;
  const TargetMatching matching{MatchingOptions{}};
  const auto run = [&](UnlearnTask task) {
    return message_of<Error>([&] { matching.unlearn(*f.network, task); });
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
  EXPECT_EQ(message_of<Error>([&] { TargetMatching{options}; }),
            "option damp: a number above 0 required, got 0");
  options.kernel = {.kernel_rows = 1};
  EXPECT_EQ(message_of<Error>([&] { TargetMatching{options}; }),
            "option kernel_rows: a whole number of at least 2 required, got 1");
}

}  // namespace
}  // namespace expunge
