// The layer-by-layer kernel against gradients taken row by row, and those against differences.
#include "expunge/gradients/jacobian_gram.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "expunge/train/networks.h"

namespace expunge {
namespace {

const NetworkShape shape{2, 12, 12, 3};

std::unique_ptr<LayeredNetwork> make(NetworkKind kind, DtypeKind dtype = DtypeKind::float64) {
  auto network =
      make_network({.kind = kind, .hidden = {6, 5}, .width = 0.06, .dtype = dtype}, shape);
  network->initialise(9);
  // Running statistics and BatchNorm weights away from their start, where mistakes would hide.
  torch::manual_seed(4);
  const auto type = dtype == DtypeKind::float64 ? torch::kFloat64 : torch::kFloat32;
  network->forward(torch::randn({7, 2, 12, 12}, type).contiguous(at::MemoryFormat::ChannelsLast),
                   Mode::train);
  network->parameters().add_(0.1 * torch::randn({network->parameters().numel()}, type));
  return network;
}

torch::Tensor inputs(int64_t count, torch::ScalarType type = torch::kFloat64) {
  torch::manual_seed(8);
  return torch::randn({count, 2, 12, 12}, type).contiguous(at::MemoryFormat::ChannelsLast);
}

class EveryKind : public testing::TestWithParam<NetworkKind> {};

TEST_P(EveryKind, LayersGiveTheSameKernelAsRows) {
  auto network = make(GetParam());
  const auto x = inputs(4);
  const auto by_layers = jacobian_gram(*network, x);
  const auto by_rows = jacobian_gram_by_rows(*network, x);
  EXPECT_TRUE(torch::allclose(by_layers.gram, by_rows.gram, 1e-9, 1e-12));
  EXPECT_TRUE(torch::allclose(by_layers.logits, by_rows.logits, 1e-12, 1e-12));
  EXPECT_TRUE(torch::allclose(by_layers.logits, network->forward(x, Mode::eval), 1e-12, 1e-12));
}

TEST_P(EveryKind, KernelIsThatOfTheLogitsDifferences) {
  auto network = make(GetParam());
  const auto x = inputs(3);
  const auto start = network->parameters().clone();
  auto parameters = network->parameters();
  const auto gram = jacobian_gram(*network, x).gram;
  // K c for one c: moving the parameters along J' c must move the logits by K c.
  const auto c = torch::randn({3, 3}, torch::kFloat64);
  const auto direction = jacobian_transposed_times(*network, x, c).clone();
  const double h = 1e-7;
  parameters.copy_(start + h * direction);
  const auto up = network->forward(x, Mode::eval).clone();
  parameters.copy_(start - h * direction);
  const auto down = network->forward(x, Mode::eval).clone();
  const auto measured = ((up - down) / (2 * h)).flatten();
  const auto expected = gram.matmul(c.flatten());
  EXPECT_TRUE(
      torch::allclose(measured, expected, 1e-5, 1e-5 * expected.abs().max().item<double>()));
}

TEST_P(EveryKind, Float32IsCloseToFloat64) {
  auto wide = make(GetParam());
  auto narrow = make(GetParam(), DtypeKind::float32);
  const auto from = wide->state();
  load_state(*narrow, from, "test");
  const auto x = inputs(3);
  const auto a = jacobian_gram(*wide, x).gram;
  const auto b = jacobian_gram(*narrow, x.to(torch::kFloat32)).gram.to(torch::kFloat64);
  EXPECT_LT((a - b).abs().max().item<double>(), 1e-4 * a.abs().max().item<double>());
}

INSTANTIATE_TEST_SUITE_P(AllNetworks, EveryKind,
                         testing::Values(NetworkKind::mlp, NetworkKind::convnet,
                                         NetworkKind::resnet9));

TEST(JacobianGram, LinearModelsKernelIsKnown) {
  auto network = make_network({.hidden = {}, .dtype = DtypeKind::float64}, {1, 1, 4, 3});
  network->initialise(1);
  const auto x = torch::randn({5, 1, 1, 4}, torch::kFloat64);
  const auto gram = jacobian_gram(*network, x).gram.view({5, 3, 5, 3});
  const auto products = x.flatten(1).matmul(x.flatten(1).t()) + 1;
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t d = 0; d < 3; ++d) {
      const auto block = gram.select(3, d).select(1, c);
      const auto expected = c == d ? products : torch::zeros_like(products);
      EXPECT_TRUE(torch::allclose(block, expected, 1e-12, 1e-12)) << c << d;
    }
  }
}

TEST(JacobianGram, CoefficientsOfAnotherShapeAreRefused) {
  auto network = make(NetworkKind::mlp);
  EXPECT_THROW(
      jacobian_transposed_times(*network, inputs(2), torch::zeros({3, 3}, torch::kFloat64)), Error);
}

}  // namespace
}  // namespace expunge
