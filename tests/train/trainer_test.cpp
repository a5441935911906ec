// Losses, optimisers, schedules and whole trainings against formulas written out by hand.
#include "expunge/train/trainer.h"

#include <gtest/gtest.h>

#include <numeric>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/train/loss.h"
#include "expunge/train/networks.h"
#include "expunge/train/optimiser.h"

namespace expunge {
namespace {

TEST(Loss, CrossEntropyIsTheFormula) {
  const auto z = torch::tensor({{1.0, 2.0, -1.0}, {0.5, 0.5, 3.0}}, torch::kFloat64);
  const auto y = torch::tensor({1, 0}, torch::kInt64);
  auto gradient = torch::empty_like(z);
  const double loss = cross_entropy(z, y, gradient);
  const auto logp = z - z.logsumexp(1, true);
  EXPECT_NEAR(loss, -(logp[0][1] + logp[1][0]).item<double>() / 2, 1e-14);
  auto expected = logp.exp() / 2;
  expected[0][1] -= 0.5;
  expected[1][0] -= 0.5;
  EXPECT_TRUE(torch::allclose(gradient, expected, 0, 1e-14));
}

TEST(Loss, CrossEntropyDoesNotOverflow) {
  const auto z = torch::tensor({{1e4F, -1e4F}});
  auto gradient = torch::empty_like(z);
  EXPECT_FLOAT_EQ(cross_entropy(z, torch::tensor({1}, torch::kInt64), gradient), 2e4F);
  EXPECT_FLOAT_EQ(gradient[0][0].item<float>(), 1);
}

TEST(Loss, MeanSquaredErrorIsTheFormula) {
  const auto z = torch::tensor({{1.0F, 2.0F}});
  const auto t = torch::tensor({{0.0F, 4.0F}});
  auto gradient = torch::empty_like(z);
  EXPECT_DOUBLE_EQ(mean_squared_error(z, t, gradient), 2.5);
  EXPECT_TRUE(torch::allclose(gradient, torch::tensor({{1.0F, -2.0F}})));
}

TEST(Loss, DistillationIsTheScaledDivergenceOfTheSoftenedOutputs) {
  const auto z = torch::tensor({{1.0, 2.0, -1.0}, {0.5, 0.5, 3.0}}, torch::kFloat64);
  const auto t = torch::tensor({{0.0, 1.0, 1.0}, {2.0, -0.5, 1.0}}, torch::kFloat64);
  auto gradient = torch::empty_like(z);
  const double loss = distillation(z, t, 3, gradient);
  double expected = 0;
  for (int i = 0; i < 2; ++i) {
    double sum_z = 0;
    double sum_t = 0;
    for (int c = 0; c < 3; ++c) sum_z += std::exp(z[i][c].item<double>() / 3);
    for (int c = 0; c < 3; ++c) sum_t += std::exp(t[i][c].item<double>() / 3);
    for (int c = 0; c < 3; ++c) {
      const double p = std::exp(t[i][c].item<double>() / 3) / sum_t;
      const double q = std::exp(z[i][c].item<double>() / 3) / sum_z;
      expected += 9 * p * std::log(p / q) / 2;
    }
  }
  EXPECT_NEAR(loss, expected, 1e-14);
  auto unused = torch::empty_like(z);
  for (int i = 0; i < 6; ++i) {
    auto up = z.clone();
    auto down = z.clone();
    up.view(-1)[i] += 1e-6;
    down.view(-1)[i] -= 1e-6;
    const double slope = (distillation(up, t, 3, unused) - distillation(down, t, 3, unused)) / 2e-6;
    EXPECT_NEAR(gradient.view(-1)[i].item<double>(), slope, 1e-8);
  }
  EXPECT_EQ(distillation(z, z, 2, gradient), 0);
  EXPECT_EQ(gradient.abs().max().item<double>(), 0);
}

// Three steps with gradients 1, -2, 0.5 at learning rates 0.1, 0.2, 0.05, from w = 3.
double run_optimiser(const OptimiserOptions& options, torch::ScalarType dtype) {
  auto w = torch::full({1}, 3.0, dtype);
  Optimiser optimiser(options, w);
  const double gradients[] = {1, -2, 0.5};
  const double rates[] = {0.1, 0.2, 0.05};
  for (int i = 0; i < 3; ++i) optimiser.step(w, torch::full({1}, gradients[i], dtype), rates[i]);
  return w.item<double>();
}

TEST(Optimiser, NesterovSgdIsPyTorchsForm) {
  double w = 3;
  double v = 0;
  const double gradients[] = {1, -2, 0.5};
  const double rates[] = {0.1, 0.2, 0.05};
  for (int i = 0; i < 3; ++i) {
    const double d = gradients[i] + 0.01 * w;
    v = 0.9 * v + d;
    w -= rates[i] * (d + 0.9 * v);
  }
  const OptimiserOptions options{.momentum = 0.9, .nesterov = true, .weight_decay = 0.01};
  EXPECT_NEAR(run_optimiser(options, torch::kFloat64), w, 1e-14);
  EXPECT_NEAR(run_optimiser(options, torch::kFloat32), w, 1e-6);
}

TEST(Optimiser, PlainMomentumDiffersFromNesterov) {
  double w = 3;
  double v = 0;
  const double gradients[] = {1, -2, 0.5};
  const double rates[] = {0.1, 0.2, 0.05};
  for (int i = 0; i < 3; ++i) {
    v = 0.9 * v + gradients[i];
    w -= rates[i] * v;
  }
  EXPECT_NEAR(run_optimiser({.nesterov = false, .weight_decay = 0}, torch::kFloat64), w, 1e-14);
}

TEST(Optimiser, AdamAndAdamWAreTheirFormulas) {
  for (const bool decoupled : {false, true}) {
    double w = 3;
    double m = 0;
    double s = 0;
    const double gradients[] = {1, -2, 0.5};
    const double rates[] = {0.1, 0.2, 0.05};
    for (int i = 0; i < 3; ++i) {
      const double g = gradients[i] + (decoupled ? 0 : 0.1 * w);
      if (decoupled) w -= rates[i] * 0.1 * w;
      m = 0.9 * m + 0.1 * g;
      s = 0.999 * s + 0.001 * g * g;
      const double mhat = m / (1 - std::pow(0.9, i + 1));
      const double shat = s / (1 - std::pow(0.999, i + 1));
      w -= rates[i] * mhat / (std::sqrt(shat) + 1e-8);
    }
    const OptimiserOptions options{.kind = decoupled ? OptimiserKind::adamw : OptimiserKind::adam,
                                   .weight_decay = 0.1};
    EXPECT_NEAR(run_optimiser(options, torch::kFloat64), w, 1e-12) << decoupled;
  }
}

TEST(Optimiser, LongVectorsAreTreatedLikeShortOnes) {
  const auto start = torch::randn({1037});
  const auto gradient = torch::randn({1037});
  auto together = start.clone();
  Optimiser all({}, together);
  all.step(together, gradient, 0.1);
  for (const int64_t i : {0, 15, 16, 1023, 1036}) {
    auto one = start.narrow(0, i, 1).clone();
    Optimiser single({}, one);
    single.step(one, gradient.narrow(0, i, 1).clone(), 0.1);
    EXPECT_NEAR(one.item<float>(), together[i].item<float>(), 1e-6);
  }
}

TEST(Schedule, TriangleRisesToThePeakAndFallsTowardsZero) {
  const ScheduleOptions o{.kind = ScheduleKind::triangle, .peak_learning_rate = 2, .warmup = 0.25};
  double largest = 0;
  for (int64_t step = 0; step < 100; ++step) {
    const double rate = learning_rate(o, step, 100);
    EXPECT_GT(rate, 0);
    largest = std::max(largest, rate);
    if (step > 0 && step < 25) {
      EXPECT_GT(rate, learning_rate(o, step - 1, 100));
    } else if (step > 25) {
      EXPECT_LT(rate, learning_rate(o, step - 1, 100));
    }
  }
  EXPECT_DOUBLE_EQ(largest, 2);
  EXPECT_DOUBLE_EQ(learning_rate(o, 25, 100), 2);
  EXPECT_NEAR(learning_rate(o, 99, 100), 2 / 75.0, 1e-12);
}

TEST(Schedule, CosineLinearAndConstant) {
  EXPECT_NEAR(learning_rate({ScheduleKind::cosine, 1, 0}, 50, 100), 0.5, 1e-12);
  EXPECT_NEAR(learning_rate({ScheduleKind::cosine, 1, 0}, 25, 100), 0.5 * (1 + std::sqrt(0.5)),
              1e-12);
  EXPECT_NEAR(learning_rate({ScheduleKind::linear, 1, 0.2}, 30, 100), 0.7, 1e-12);
  EXPECT_NEAR(learning_rate({ScheduleKind::constant, 1, 0.2}, 0, 100), 1, 1e-12);
}

TEST(GatherRows, CopiesAnyMemoryFormat) {
  const auto x = torch::arange(2 * 3 * 2 * 2, torch::kFloat32)
                     .view({2, 3, 2, 2})
                     .contiguous(at::MemoryFormat::ChannelsLast);
  torch::Tensor batch;
  const std::vector<int64_t> indices = {1, 0, 1};
  gather_rows(x, indices, batch);
  EXPECT_TRUE(torch::equal(batch, x.index_select(0, torch::tensor(indices))));
  const auto labels = torch::tensor({5, 6}, torch::kInt64);
  torch::Tensor picked;
  gather_rows(labels, indices, picked);
  EXPECT_TRUE(torch::equal(picked, torch::tensor({6, 5, 6}, torch::kInt64)));
}

// The whole training loop on a network without hidden layers, against one written with plain tensors.
TEST(Trainer, IsTheLoopThatOneWouldWrite) {
  torch::manual_seed(5);
  const TrainingData data{torch::randn({11, 1, 2, 3}), torch::randint(0, 3, {11}, torch::kInt64)};
  Recipe recipe;
  recipe.network = {.hidden = {}, .dtype = DtypeKind::float64};
  recipe.epochs = 3;
  recipe.batch_size = 4;
  const std::vector<int64_t> members = {0, 2, 3, 4, 7, 9, 10};
  auto network = make_network(recipe.network, {1, 2, 3, 3});
  network->initialise(1);
  auto w = network->state()[0].second.clone();
  auto b = network->state()[1].second.clone();
  train_network(*network, data, members, recipe, 77);

  auto vw = torch::zeros_like(w);
  auto vb = torch::zeros_like(b);
  int64_t step = 0;
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    const auto order = CounterRng(derive_seed(77, "epoch", epoch)).permutation(7);
    for (int64_t begin = 0; begin < 7; begin += 4, ++step) {
      std::vector<int64_t> batch;
      for (int64_t k = begin; k < std::min<int64_t>(begin + 4, 7); ++k)
        batch.push_back(members[order[k]]);
      const auto index = torch::tensor(batch);
      const auto x = data.inputs.index_select(0, index).to(torch::kFloat64).flatten(1);
      const auto y = torch::zeros({static_cast<int64_t>(batch.size()), 3}, torch::kFloat64)
                         .scatter(1, data.labels.index_select(0, index).unsqueeze(1), 1.0);
      const auto g = ((x.matmul(w.t()) + b).softmax(1) - y) / static_cast<double>(batch.size());
      const auto gw = g.t().matmul(x) + 5e-4 * w;
      const auto gb = g.sum(0) + 5e-4 * b;
      vw = 0.9 * vw + gw;
      vb = 0.9 * vb + gb;
      const double rate = learning_rate(recipe.schedule, step, 6);
      w = w - rate * (gw + 0.9 * vw);
      b = b - rate * (gb + 0.9 * vb);
    }
  }
  EXPECT_TRUE(torch::allclose(network->state()[0].second, w, 1e-12, 1e-12));
  EXPECT_TRUE(torch::allclose(network->state()[1].second, b, 1e-12, 1e-12));
}

TEST(Trainer, LearnsWhatCanBeLearnt) {
  torch::manual_seed(2);
  const auto x = torch::randn({200, 1, 4, 4});
  const auto y = (x.flatten(1).sum(1) > 0).to(torch::kInt64);
  const TrainingData data{x, y};
  Recipe recipe;
  recipe.network.hidden = {16};
  std::vector<int64_t> members(200);
  std::iota(members.begin(), members.end(), 0);
  auto network = make_network(recipe.network, {1, 4, 4, 2});
  network->initialise(1);
  train_network(*network, data, members, recipe, 1);
  const auto right = evaluate_logits(*network, x).argmax(1).eq(y).sum().item<int64_t>();
  EXPECT_GE(right, 198);
}

TEST(Trainer, DivergenceNamesTheStep) {
  const TrainingData data{1e20 * torch::randn({20, 1, 2, 2}),
                          torch::randint(0, 2, {20}, torch::kInt64)};
  Recipe recipe;
  recipe.schedule.peak_learning_rate = 1e30;
  std::vector<int64_t> members(20);
  std::iota(members.begin(), members.end(), 0);
  auto network = make_network(recipe.network, {1, 2, 2, 2});
  network->initialise(1);
  try {
    train_network(*network, data, members, recipe, 1);
    FAIL() << "did not diverge";
  } catch (const NonFiniteError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("training diverged: loss ", 0), 0U) << error.what();
  }
}

}  // namespace
}  // namespace expunge
