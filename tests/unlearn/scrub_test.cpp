// SCRUB against steps written out for a linear network, and by what it must leave alone.
#include "expunge/unlearn/scrub.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "expunge/unlearn/ascent_descent.h"
#include "unlearn/linear_task.h"

namespace expunge {
namespace {

ScrubOptions scrub_on_whole_sets(int64_t epochs, int64_t ascent_epochs) {
  return {.stepping = {.learning_rate = 0.3,
                       .epochs = epochs,
                       .batch_size = 100,
                       .optimiser = {.momentum = 0, .nesterov = false, .weight_decay = 0}},
          .ascent_epochs = ascent_epochs,
          .forget_batch_size = 100,
          .temperature = 2};
}

// Gradient of mean T^2 KL(teacher || student) over points `index`, both linear, at T = 2.
torch::Tensor distance_gradient(const LinearTask& f, const torch::Tensor& teacher,
                                const torch::Tensor& student, const torch::Tensor& index) {
  const auto x = f.design().index_select(0, index);
  const auto difference =
      (x.matmul(student.t()) / 2).softmax(1) - (x.matmul(teacher.t()) / 2).softmax(1);
  return 2 * difference.t().matmul(x) / static_cast<double>(index.numel());
}

TEST(Scrub, LeavesTheTeacherOnForgetAndStaysOnRetain) {
  LinearTask f;
  auto options = scrub_on_whole_sets(3, 2);
  options.alpha = 0.4;
  options.gamma = 0.7;
  const auto teacher = f.weights();
  auto w = teacher;
  const auto summary = Scrub(options).unlearn(*f.network, f.task());
  for (int epoch = 0; epoch < 3; ++epoch) {
    if (epoch < 2) w = w + 0.3 * distance_gradient(f, teacher, w, f.forgotten());
    w = w - 0.3 * (0.7 * f.label_gradient(w, f.retained()) +
                   0.4 * distance_gradient(f, teacher, w, f.retained()));
  }
  EXPECT_GT((w - teacher).abs().max().item<double>(), 0.01);
  EXPECT_TRUE(torch::allclose(f.weights(), w, 0, 1e-12));
  // Each example costs a gradient and the teacher's forward pass.
  EXPECT_NEAR(summary.sample_gradients, (2 * 2 + 3 * 28) * (4.0 / 3), 1e-9);
}

TEST(Scrub, WithoutLabelsTheStudentNeverLeavesItsTeacher) {
  LinearTask f;
  auto options = scrub_on_whole_sets(4, 4);
  options.gamma = 0;
  options.alpha = 1;
  const auto before = f.weights();
  Scrub(options).unlearn(*f.network, f.task());
  EXPECT_TRUE(torch::allclose(f.weights(), before, 0, 1e-12));
}

TEST(Scrub, WithoutAscentAndDistanceItIsDescent) {
  LinearTask f;
  LinearTask g;
  auto options = scrub_on_whole_sets(3, 0);
  options.alpha = 0;
  options.gamma = 1;
  options.stepping.batch_size = 5;
  options.stepping.optimiser.momentum = 0.9;
  Scrub(options).unlearn(*f.network, f.task());
  GradientDescent(options.stepping).unlearn(*g.network, g.task());
  EXPECT_TRUE(torch::equal(f.weights(), g.weights()));
}

TEST(Scrub, RewindsToTheEpochWhoseForgetErrorIsClosestToItsReference) {
  LinearTask f;
  auto options = scrub_on_whole_sets(8, 8);
  options.stepping.learning_rate = 2;
  options.rewind = true;
  auto task = f.task();
  task.forget = f.forget;
  std::vector<torch::Tensor> passes;
  task.after_pass = [&](Network& network, double) {
    passes.push_back(network.parameters().clone());
  };
  Scrub(options).unlearn(*f.network, task);
  ASSERT_EQ(passes.size(), 16U);  // ascent and descent in each epoch

  const auto error_on = [&](const torch::Tensor& parameters, int64_t point) {
    const auto w = at::cat(
        {parameters.narrow(0, 0, 18).view({3, 6}), parameters.narrow(0, 18, 3).view({3, 1})}, 1);
    const auto z = f.design()[point].matmul(w.t());
    return z.argmax().item<int64_t>() == f.problem.labels[point].item<int64_t>() ? 0.0 : 1.0;
  };
  // Each forgotten example stands for the mean over the validation points of its class.
  double reference = 0;
  double weight = 0;
  for (const int64_t i : f.forget) {
    double wrong = 0;
    double count = 0;
    for (int64_t j = 30; j < 34; ++j) {
      if (f.problem.labels[j].item<int64_t>() != f.problem.labels[i].item<int64_t>()) continue;
      wrong += error_on(passes.back(), j);
      ++count;
    }
    if (count == 0) continue;
    reference += wrong / count;
    ++weight;
  }
  ASSERT_GT(weight, 0);
  reference /= weight;
  size_t best = 0;
  double closest = 2;
  for (size_t epoch = 0; epoch < 8; ++epoch) {
    double error = 0;
    for (const int64_t i : f.forget) error += error_on(passes[2 * epoch + 1], i) / 2;
    if (std::abs(error - reference) <= closest) {
      closest = std::abs(error - reference);
      best = epoch;
    }
  }
  EXPECT_TRUE(torch::equal(f.network->parameters(), passes[2 * best + 1])) << "epoch " << best;
}

TEST(Scrub, WeightedErrorCountsByWeight) {
  const auto logits = torch::tensor({{1.0, 0.0}, {0.0, 1.0}, {1.0, 0.0}});
  const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);
  const auto weights = torch::tensor({1.0, 2.0, 5.0}, torch::kFloat64);
  EXPECT_DOUBLE_EQ(weighted_error(logits, labels, weights), 7.0 / 8);
}

TEST(Scrub, MoreAscentThanEpochsIsRefused) {
  EXPECT_THROW(Scrub{scrub_on_whole_sets(3, 4)}, OptionError);
}

}  // namespace
}  // namespace expunge
