// Ascent and descent against steps written out for a linear network.
#include "expunge/unlearn/ascent_descent.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "unlearn/linear_task.h"

namespace expunge {
namespace {

// Plain steps w <- w - lr g over whole sets.
SteppingOptions plain_steps(int64_t epochs) {
  return {.learning_rate = 0.3,
          .epochs = epochs,
          .batch_size = 100,
          .optimiser = {.momentum = 0, .nesterov = false, .weight_decay = 0}};
}

TEST(GradientAscent, StepsUphillOnTheForgetSet) {
  LinearTask f;
  auto w = f.weights();
  const auto summary = GradientAscent(plain_steps(2)).unlearn(*f.network, f.task());
  for (int step = 0; step < 2; ++step) w = w + 0.3 * f.label_gradient(w, f.forgotten());
  EXPECT_TRUE(torch::allclose(f.weights(), w, 0, 1e-12));
  EXPECT_EQ(summary.sample_gradients, 2 * 2);
}

TEST(GradientDescent, StepsDownhillOnTheRetainSet) {
  LinearTask f;
  auto w = f.weights();
  const auto summary = GradientDescent(plain_steps(3)).unlearn(*f.network, f.task());
  for (int step = 0; step < 3; ++step) w = w - 0.3 * f.label_gradient(w, f.retained());
  EXPECT_TRUE(torch::allclose(f.weights(), w, 0, 1e-12));
  EXPECT_EQ(summary.sample_gradients, 3 * 28);
}

TEST(AscentDescent, AscendsBeforeDescendingInItsFirstEpochsOnly) {
  LinearTask f;
  auto w = f.weights();
  AscentDescentOptions options{
      .stepping = plain_steps(3), .ascent_epochs = 2, .forget_batch_size = 50};
  const auto summary = AscentDescent(options).unlearn(*f.network, f.task());
  for (int epoch = 0; epoch < 3; ++epoch) {
    if (epoch < 2) w = w + 0.3 * f.label_gradient(w, f.forgotten());
    w = w - 0.3 * f.label_gradient(w, f.retained());
  }
  EXPECT_TRUE(torch::allclose(f.weights(), w, 0, 1e-12));
  EXPECT_EQ(summary.sample_gradients, 2 * 2 + 3 * 28);
}

TEST(AscentDescent, OneMomentumRunsThroughBothPasses) {
  LinearTask f;
  auto w = f.weights();
  AscentDescentOptions options{
      .stepping = plain_steps(1), .ascent_epochs = 1, .forget_batch_size = 50};
  options.stepping.optimiser.momentum = 0.5;
  AscentDescent(options).unlearn(*f.network, f.task());
  const auto uphill = -f.label_gradient(w, f.forgotten());
  w = w - 0.3 * uphill;
  w = w - 0.3 * (0.5 * uphill + f.label_gradient(w, f.retained()));
  EXPECT_TRUE(torch::allclose(f.weights(), w, 0, 1e-12));
}

TEST(GradientPasses, BatchesCoverEachExampleOncePerPass) {
  LinearTask f;
  auto options = plain_steps(2);
  std::vector<std::vector<int64_t>> seen;
  const auto task = f.task();
  GradientPasses passes(*f.network, task, options);
  for (int pass = 0; pass < 2; ++pass) {
    std::vector<int64_t> members;
    std::vector<size_t> sizes;
    passes.run({1, 2, 5, 8, 9, 11, 12}, 3,
               [&](const GradientPasses::Batch& batch, torch::Tensor& gradient) {
                 members.insert(members.end(), batch.members.begin(), batch.members.end());
                 sizes.push_back(batch.members.size());
                 gradient.zero_();
                 return 0.0;
               });
    EXPECT_EQ(sizes, (std::vector<size_t>{3, 3, 1}));
    seen.push_back(members);
    std::sort(members.begin(), members.end());
    EXPECT_EQ(members, (std::vector<int64_t>{1, 2, 5, 8, 9, 11, 12}));
  }
  EXPECT_NE(seen[0], seen[1]);  // each pass has an order of its own
  EXPECT_EQ(passes.summary().sample_gradients, 14);
}

TEST(GradientPasses, ADivergedLossIsNamed) {
  LinearTask f;
  const auto task = f.task();
  const SteppingOptions options = plain_steps(1);
  GradientPasses passes(*f.network, task, options);
  try {
    passes.run({3, 4}, 1, [](const GradientPasses::Batch&, torch::Tensor& gradient) {
      gradient.zero_();
      return std::numeric_limits<double>::quiet_NaN();
    });
    FAIL() << "NaN was taken for a loss";
  } catch (const NonFiniteError& error) {
    EXPECT_STREQ(error.what(), "unlearning diverged: loss nan in pass 1, at example 0 of 2");
  }
}

}  // namespace
}  // namespace expunge
