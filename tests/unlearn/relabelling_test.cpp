// Random labels and SalUn by what they must do to labels, salient weights and all others.
#include "expunge/unlearn/relabelling.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "unlearn/linear_task.h"

namespace expunge {
namespace {

RelabellingOptions options_with(double saliency_share, double retain_share) {
  RelabellingOptions options;
  options.saliency_share = saliency_share;
  options.retain_share = retain_share;
  options.stepping.learning_rate = 0.5;
  options.stepping.epochs = 1;
  options.stepping.batch_size = 100;
  options.stepping.optimiser = {.momentum = 0, .nesterov = false, .weight_decay = 0};
  return options;
}

TEST(Relabelling, OneStepIsTheGradientUnderSomeWrongLabels) {
  LinearTask f;
  const auto w = f.weights();
  const auto summary = Relabelling(options_with(1, 1)).unlearn(*f.network, f.task());
  EXPECT_EQ(summary.sample_gradients, 30);
  const auto all = torch::arange(30);
  const auto x = f.design().narrow(0, 0, 30);
  int fitting = 0;
  for (int64_t a = 0; a < 3; ++a) {
    for (int64_t b = 0; b < 3; ++b) {
      auto labels = f.one_hot().narrow(0, 0, 30).clone();
      labels[4].zero_()[a] = 1;
      labels[17].zero_()[b] = 1;
      const auto g = (x.matmul(w.t()).softmax(1) - labels).t().matmul(x) / 30;
      if (!torch::allclose(f.weights(), w - 0.5 * g, 0, 1e-12)) continue;
      ++fitting;
      EXPECT_NE(a, f.problem.labels[4].item<int64_t>());
      EXPECT_NE(b, f.problem.labels[17].item<int64_t>());
    }
  }
  EXPECT_EQ(fitting, 1);
}

TEST(Relabelling, WrongLabelsAreDrawnEvenly) {
  LinearTask f;
  const int64_t truth = f.problem.labels[4].item<int64_t>();
  std::vector<int> drawn(3, 0);
  auto options = options_with(1, 0);  // F alone: its labels are what is learnt
  options.stepping.epochs = 200;
  auto task = f.task();
  const std::vector<int64_t> one = {4};
  task.forget = one;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    LinearTask fresh;
    task.seed = seed;
    Relabelling(options).unlearn(*fresh.network, task);
    const auto z = fresh.design()[4].matmul(fresh.weights().t());
    ++drawn[static_cast<size_t>(z.argmax().item<int64_t>())];
  }
  EXPECT_EQ(drawn[static_cast<size_t>(truth)], 0);
  for (int64_t c = 0; c < 3; ++c) {
    if (c == truth) continue;
    EXPECT_GT(drawn[static_cast<size_t>(c)], 15);
  }
}

TEST(Relabelling, OnlySalientWeightsMove) {
  LinearTask f;
  const auto before = f.network->parameters().clone();
  const auto at_start = f.weights();
  auto options = options_with(0.25, 1);
  options.stepping.epochs = 3;
  options.stepping.optimiser = {.momentum = 0.9, .nesterov = false, .weight_decay = 0.1};
  Relabelling(options).unlearn(*f.network, f.task());
  const auto moved = f.network->parameters().ne(before);
  // Independently: of the 21 weights the round(21 / 4) = 5 largest gradients on F.
  const auto gradient = f.label_gradient(at_start, f.forgotten()).abs();
  const auto flat = at::cat({gradient.narrow(1, 0, 6).flatten(), gradient.select(1, 6)});
  const auto expected = flat >= std::get<0>(flat.sort(0, true))[4];
  EXPECT_TRUE(torch::equal(moved, expected));
}

TEST(Relabelling, SalientTakesTheFirstOfEquals) {
  const auto gradient = torch::tensor({1.0F, -3.0F, 2.0F, 3.0F, -2.0F});
  EXPECT_TRUE(torch::equal(salient(gradient, 0.6),
                           torch::tensor({false, true, true, true, false}, torch::kBool)));
  EXPECT_EQ(salient(gradient, 1e-9).sum().item<int64_t>(), 1);
  EXPECT_EQ(salient(gradient, 1).sum().item<int64_t>(), 5);
}

TEST(Relabelling, SharesOutOfRangeAreRefused) {
  EXPECT_THROW(Relabelling{options_with(0, 1)}, OptionError);
  EXPECT_THROW(Relabelling{options_with(1, 1.5)}, OptionError);
}

}  // namespace
}  // namespace expunge
