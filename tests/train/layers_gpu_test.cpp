// Layers, losses, optimisers and logits on a CUDA device against the CPU.
#include <gtest/gtest.h>

#include "cuda_device.h"
#include "expunge/train/loss.h"
#include "expunge/train/networks.h"
#include "expunge/train/optimiser.h"
#include "expunge/train/trainer.h"
#include "train/tiny_problem.h"

namespace expunge {
namespace {

class CudaLayers : public CudaTest {};

NetworkOptions options_on_both(NetworkKind kind, DtypeKind dtype) {
  return {.kind = kind, .hidden = {12, 7}, .width = 0.125, .dtype = dtype};
}

TEST_F(CudaLayers, GiveTheCpusLogitsAndGradients) {
  for (const auto kind :
       {NetworkKind::mlp, NetworkKind::convnet, NetworkKind::resnet9, NetworkKind::resnet18}) {
    for (const auto mode : {Mode::train, Mode::eval}) {
      const auto here = make_network(options_on_both(kind, DtypeKind::float64), {2, 16, 16, 3});
      here->initialise(4);
      const auto there = here->on(device);
      EXPECT_TRUE(there->parameters().is_cuda());
      torch::manual_seed(6);
      const auto x =
          torch::randn({9, 2, 16, 16}, torch::kFloat64).contiguous(at::MemoryFormat::ChannelsLast);
      const auto g = torch::randn({9, 3}, torch::kFloat64);
      const auto z = here->forward(x, mode).clone();
      here->backward(g);
      const auto cuda_z = there->forward(x.to(device), mode).clone();
      there->backward(g.to(device));
      EXPECT_LT(distance_between(cuda_z, z), 1e-10);
      EXPECT_LT(distance_between(there->gradient(), here->gradient()), 1e-10);
      for (size_t i = 0; i < here->state().size(); ++i)
        EXPECT_LT(
            (there->state()[i].second.cpu() - here->state()[i].second).abs().max().item<double>(),
            1e-10)
            << here->state()[i].first;
    }
  }
}

TEST_F(CudaLayers, LossesAreTheCpus) {
  torch::manual_seed(1);
  for (const auto dtype : {torch::kFloat32, torch::kFloat64}) {
    const double tolerance = dtype == torch::kFloat64 ? 1e-12 : 1e-5;
    const auto z = 3 * torch::randn({20, 5}, dtype);
    const auto t = 3 * torch::randn({20, 5}, dtype);
    const auto y = torch::randint(0, 5, {20}, torch::kInt64);
    auto here = torch::empty_like(z);
    auto there = torch::empty_like(z, z.options().device(device));
    EXPECT_NEAR(cross_entropy(z.to(device), y, there), cross_entropy(z, y, here), tolerance);
    EXPECT_LT(distance_between(there, here), tolerance);
    EXPECT_NEAR(mean_squared_error(z.to(device), t.to(device), there),
                mean_squared_error(z, t, here), 10 * tolerance);
    EXPECT_LT(distance_between(there, here), tolerance);
    EXPECT_NEAR(distillation(z.to(device), t.to(device), 2, there), distillation(z, t, 2, here),
                10 * tolerance);
    EXPECT_LT(distance_between(there, here), tolerance);
  }
}

TEST_F(CudaLayers, OptimisersAreTheCpus) {
  torch::manual_seed(2);
  for (const auto kind : {OptimiserKind::sgd, OptimiserKind::adam, OptimiserKind::adamw}) {
    for (const bool nesterov : {false, true}) {
      const OptimiserOptions options{.kind = kind, .nesterov = nesterov, .weight_decay = 0.1};
      auto here = torch::randn({1000}, torch::kFloat64);
      auto there = here.to(device);
      Optimiser cpu(options, here);
      Optimiser cuda(options, there);
      for (int i = 0; i < 4; ++i) {
        const auto g = torch::randn({1000}, torch::kFloat64);
        cpu.step(here, g, 0.1);
        cuda.step(there, g.to(device), 0.1);
      }
      EXPECT_LT(distance_between(there, here), 1e-12);
    }
  }
}

TEST_F(CudaLayers, RowsAreGathered) {
  torch::manual_seed(3);
  const auto x = torch::randn({7, 3, 4, 4}).contiguous(at::MemoryFormat::ChannelsLast);
  torch::Tensor batch;
  const std::vector<int64_t> indices = {6, 0, 6, 2};
  gather_rows(x.to(device), indices, batch);
  EXPECT_TRUE(batch.is_cuda());
  EXPECT_TRUE(batch.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(torch::equal(batch.cpu(), x.index_select(0, torch::tensor(indices))));
}

TEST_F(CudaLayers, TrainingStepByStepIsTheCpus) {
  const auto problem = make_problem(tiny_data(3, 16));
  const auto there = problem.on(device, Precision::float32);
  std::vector<int64_t> members = {0, 3, 4, 8, 9, 11, 20, 21, 22, 30};
  Recipe recipe;
  recipe.network = options_on_both(NetworkKind::resnet9, DtypeKind::float64);
  recipe.epochs = 2;
  recipe.batch_size = 4;
  const auto cpu = make_network(recipe.network, problem.shape);
  cpu->initialise(3);
  const auto cuda = cpu->on(device);
  train_network(*cpu, problem.training, members, recipe, 5);
  train_network(*cuda, there.training, members, recipe, 5);
  EXPECT_LT(distance_between(cuda->parameters(), cpu->parameters()), 1e-8);
  EXPECT_LT(distance_between(evaluate_logits(*cuda, there.inputs.to(torch::kFloat64)),
                             evaluate_logits(*cpu, problem.inputs.to(torch::kFloat64))),
            1e-7);
}

}  // namespace
}  // namespace expunge
