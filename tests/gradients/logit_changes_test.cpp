// Changes of logits along a direction against the Jacobian taken row by row.
#include "expunge/gradients/logit_changes.h"

#include <gtest/gtest.h>

#include <limits>

#include "expunge/core/error.h"
#include "expunge/gradients/logit_jacobian.h"
#include "gradients/small_networks.h"
#include "message_of.h"

namespace expunge {
namespace {

class LogitChanges : public testing::TestWithParam<NetworkKind> {};

TEST_P(LogitChanges, AreProductsWithTheJacobian) {
  const auto network = small_network(GetParam());
  const auto x = small_inputs(5);
  const auto v = torch::randn({2, network->parameters().numel()}, torch::kFloat64);
  const auto j = jacobian_by_rows(*network, x, all_logits(5, 3, torch::kFloat64));
  const auto expected = v.matmul(j.t()).view({2, 5, 3}).to(torch::kFloat32);
  const auto before = network->parameters().clone();
  const auto changes = logit_changes(*network, v, x, 2);
  EXPECT_TRUE(torch::equal(network->parameters(), before));
  EXPECT_LT((changes - expected).abs().max().item<double>(),
            1e-4 * expected.abs().max().item<double>());
  EXPECT_TRUE(torch::equal(changes, logit_changes(*network, v, x, 1)));
}

TEST_P(LogitChanges, OfASinglePrecisionNetworkAreTaken) {
  const auto wide = small_network(GetParam());
  const auto narrow = wide->as(torch::kFloat32);
  const auto x = small_inputs(5);
  const auto v = torch::randn({1, wide->parameters().numel()}, torch::kFloat64);
  const auto a = logit_changes(*wide, v, x);
  const auto b = logit_changes(*narrow, v.to(torch::kFloat32), x.to(torch::kFloat32));
  EXPECT_LT((a - b).abs().max().item<double>(), 1e-3 * a.abs().max().item<double>());
}

INSTANTIATE_TEST_SUITE_P(AllNetworks, LogitChanges,
                         testing::Values(NetworkKind::mlp, NetworkKind::convnet,
                                         NetworkKind::resnet9, NetworkKind::resnet18));

TEST(LogitChangesOfAMlp, AreZeroAlongNothing) {
  const auto network = small_network(NetworkKind::mlp);
  const auto v = torch::zeros({1, network->parameters().numel()}, torch::kFloat64);
  EXPECT_TRUE(torch::equal(logit_changes(*network, v, small_inputs(2)), torch::zeros({1, 2, 3})));
}

TEST(LogitChangesOfAMlp, RefuseWhatDoesNotFit) {
  const auto network = small_network(NetworkKind::mlp);
  EXPECT_THROW((void)logit_changes(*network, torch::zeros({1, 3}), small_inputs(2)), Error);
  auto broken = network->clone();
  broken->parameters()[0] = std::numeric_limits<double>::quiet_NaN();
  const auto v = torch::ones({1, network->parameters().numel()}, torch::kFloat64);
  EXPECT_EQ(message_of<NonFiniteError>([&] {
              (void)logit_changes(dynamic_cast<LayeredNetwork&>(*broken), v, small_inputs(2));
            }),
            "logit changes: logits of inputs 0 to 1 are not finite");
}

}  // namespace
}  // namespace expunge
