// The Jacobian kept by layers against gradients taken row by row, and those against differences.
#include "expunge/gradients/logit_jacobian.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "gradients/small_networks.h"

namespace expunge {
namespace {

/// Four samples with all three logits, then three with one direction each.
struct TwoBlocks {
  torch::Tensor first = small_inputs(4);
  torch::Tensor second = small_inputs(3, 21);
  torch::Tensor all = all_logits(4, 3, torch::kFloat64);
  torch::Tensor one = torch::randn({3, 1, 3}, torch::kFloat64);

  [[nodiscard]] LogitJacobian rows(Network& network) const {
    LogitJacobian jacobian(network);
    jacobian.forward(first);
    jacobian.add(all);
    jacobian.forward(second);
    jacobian.add(one);
    return jacobian;
  }
  [[nodiscard]] torch::Tensor dense(Network& network) const {
    return torch::cat(
        {jacobian_by_rows(network, first, all), jacobian_by_rows(network, second, one)});
  }
};

class LogitJacobians : public testing::TestWithParam<NetworkKind> {};

TEST_P(LogitJacobians, ByLayersAreThoseOfRows) {
  const auto network = small_network(GetParam());
  const TwoBlocks blocks;
  const auto j = blocks.dense(*network);
  const auto jacobian = blocks.rows(*network);
  EXPECT_TRUE(torch::allclose(jacobian.gram(), j.matmul(j.t()), 1e-9, 1e-12));
  const auto c = torch::randn({15}, torch::kFloat64);
  EXPECT_TRUE(torch::allclose(jacobian.transposed_times(c), j.t().mv(c), 1e-9, 1e-12));
}

TEST_P(LogitJacobians, OfAnUnknownNetworkAreTheSame) {
  const auto network = small_network(GetParam());
  const TwoBlocks blocks;
  Opaque opaque(*network);
  const auto by_layers = blocks.rows(*network);
  const auto whole = blocks.rows(opaque);
  EXPECT_TRUE(torch::allclose(by_layers.gram(), whole.gram(), 1e-9, 1e-12));
  const auto c = torch::randn({15}, torch::kFloat64);
  EXPECT_TRUE(
      torch::allclose(by_layers.transposed_times(c), whole.transposed_times(c), 1e-9, 1e-12));
}

TEST_P(LogitJacobians, AreThoseOfTheLogitsDifferences) {
  const auto network = small_network(GetParam());
  const TwoBlocks blocks;
  const auto jacobian = blocks.rows(*network);
  const auto c = torch::randn({15}, torch::kFloat64);
  // Moving the parameters along J' c must move v . z by K c.
  const auto direction = jacobian.transposed_times(c).clone();
  const auto start = network->parameters().clone();
  auto parameters = network->parameters();
  const double h = 1e-7;
  const auto values = [&](double step) {
    parameters.copy_(start + step * direction);
    const auto z = network->forward(blocks.first, Mode::eval).clone().flatten();
    const auto last = network->forward(blocks.second, Mode::eval);
    return torch::cat({z, (blocks.one.squeeze(1) * last).sum(1)});
  };
  const auto measured = (values(h) - values(-h)) / (2 * h);
  const auto expected = jacobian.gram().mv(c);
  EXPECT_TRUE(
      torch::allclose(measured, expected, 1e-5, 1e-5 * expected.abs().max().item<double>()));
}

TEST_P(LogitJacobians, ForwardGivesTheLogits) {
  const auto network = small_network(GetParam());
  const auto x = small_inputs(3);
  LogitJacobian jacobian(*network);
  const auto logits = jacobian.forward(x);
  EXPECT_TRUE(torch::equal(logits, network->forward(x, Mode::eval)));
}

TEST_P(LogitJacobians, Float32IsCloseToFloat64) {
  const auto wide = small_network(GetParam());
  const auto narrow = small_network(GetParam(), DtypeKind::float32);
  load_state(*narrow, wide->state(), "test");
  const auto x = small_inputs(3);
  const auto gram = [](Network& network, const torch::Tensor& inputs) {
    LogitJacobian jacobian(network);
    const auto logits = jacobian.forward(inputs);
    jacobian.add(all_logits(3, 3, logits.options()));
    return jacobian.gram().to(torch::kFloat64);
  };
  const auto a = gram(*wide, x);
  const auto b = gram(*narrow, x.to(torch::kFloat32));
  EXPECT_LT((a - b).abs().max().item<double>(), 1e-4 * a.abs().max().item<double>());
}

INSTANTIATE_TEST_SUITE_P(AllNetworks, LogitJacobians,
                         testing::Values(NetworkKind::mlp, NetworkKind::convnet,
                                         NetworkKind::resnet9, NetworkKind::resnet18));

TEST(LogitJacobian, OfALinearModelIsKnown) {
  auto network = make_network({.hidden = {}, .dtype = DtypeKind::float64}, {1, 1, 4, 3});
  network->initialise(1);
  const auto x = torch::randn({5, 1, 1, 4}, torch::kFloat64);
  LogitJacobian jacobian(*network);
  jacobian.forward(x);
  jacobian.add(all_logits(5, 3, torch::kFloat64));
  const auto gram = jacobian.gram().view({5, 3, 5, 3});
  const auto products = x.flatten(1).matmul(x.flatten(1).t()) + 1;
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t d = 0; d < 3; ++d) {
      const auto block = gram.select(3, d).select(1, c);
      const auto expected = c == d ? products : torch::zeros_like(products);
      EXPECT_TRUE(torch::allclose(block, expected, 1e-12, 1e-12)) << c << d;
    }
  }
}

TEST(LogitJacobian, CoefficientsOfAnotherShapeAreRefused) {
  const auto network = small_network(NetworkKind::mlp);
  const TwoBlocks blocks;
  const auto jacobian = blocks.rows(*network);
  EXPECT_THROW(jacobian.transposed_times(torch::zeros({14}, torch::kFloat64)), Error);
  EXPECT_THROW(jacobian.transposed_times(torch::zeros({5, 3}, torch::kFloat64)), Error);
}

}  // namespace
}  // namespace expunge
