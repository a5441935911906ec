// Projected gradients against a projection that is written out, and its properties.
#include "expunge/gradients/gradient_projection.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "gradients/small_networks.h"
#include "message_of.h"

namespace expunge {
namespace {

constexpr int64_t projected = 700;  // more than one block of columns

/// P (p, k), written out column by column by write_back().
torch::Tensor written_out(const GradientProjection& projection, Network& network,
                          const RowCollector& rows) {
  std::vector<torch::Tensor> columns;
  for (int64_t i = 0; i < projection.dimensions(); ++i) {
    auto unit = torch::zeros({projection.dimensions()}, torch::kFloat64);
    unit[i] = 1;
    projection.write_back(unit, rows);
    columns.push_back(network.gradient().clone());
  }
  return torch::stack(columns, 1);
}

class GradientProjections : public testing::TestWithParam<NetworkKind> {};

TEST_P(GradientProjections, AreProductsWithTheMatrixWrittenOut) {
  const auto network = small_network(GetParam());
  const auto x = small_inputs(4);
  const auto directions = torch::randn({4, 2, 3}, torch::kFloat64);
  RowCollector rows(*network);
  rows.forward(x);
  rows.add(directions);
  const GradientProjection projection(projected, 5);
  const auto projection_of_rows = projection.project(rows);
  const auto p = written_out(projection, *network, rows);
  EXPECT_TRUE(torch::allclose(p.abs(), torch::full_like(p, 1 / std::sqrt(projected)), 1e-12, 0));
  const auto j = jacobian_by_rows(*network, x, directions);
  EXPECT_TRUE(torch::allclose(projection_of_rows, j.matmul(p), 1e-9, 1e-12));
}

TEST_P(GradientProjections, KeepInnerProducts) {
  const auto network = small_network(GetParam());
  const auto x = small_inputs(6);
  const auto directions = torch::randn({6, 1, 3}, torch::kFloat64);
  RowCollector rows(*network);
  rows.forward(x);
  rows.add(directions);
  const auto j = jacobian_by_rows(*network, x, directions);
  const auto exact = j.matmul(j.t());
  auto mean = torch::zeros_like(exact);
  const int seeds = 20;
  for (int seed = 0; seed < seeds; ++seed) {
    const auto phi = GradientProjection(2048, static_cast<uint64_t>(seed)).project(rows);
    mean += phi.matmul(phi.t()) / seeds;
  }
  const auto norms = exact.diagonal().sqrt();
  const auto off = (mean - exact).abs() / norms.outer(norms);
  // Deviation of one product of k signs: at most sqrt(8 / k) of the norms.
  EXPECT_LT(off.max().item<double>(), 4 * std::sqrt(8.0 / (2048 * seeds)));
}

INSTANTIATE_TEST_SUITE_P(AllNetworks, GradientProjections,
                         testing::Values(NetworkKind::mlp, NetworkKind::convnet,
                                         NetworkKind::resnet9, NetworkKind::resnet18));

TEST(GradientProjection, HasOtherColumnsForAnotherSeed) {
  const auto network = small_network(NetworkKind::mlp);
  RowCollector rows(*network);
  rows.forward(small_inputs(1));
  rows.add(torch::ones({1, 1, 3}, torch::kFloat64));
  const auto one = GradientProjection(64, 1).project(rows);
  EXPECT_TRUE(torch::equal(one, GradientProjection(64, 1).project(rows)));
  EXPECT_FALSE(torch::allclose(one, GradientProjection(64, 2).project(rows)));
}

TEST(GradientProjection, RefusesAnotherLength) {
  const auto network = small_network(NetworkKind::mlp);
  RowCollector rows(*network);
  rows.forward(small_inputs(1));
  rows.add(torch::ones({1, 1, 3}, torch::kFloat64));
  EXPECT_EQ(message_of<Error>([&] {
              GradientProjection(64, 1).write_back(torch::ones({63}, torch::kFloat64), rows);
            }),
            "gradient projection: (64) required, got [63]");
}

TEST(RandomSigns, DoNotDependOnWhatIsDrawnTogether) {
  const auto all = random_signs(5, 0, 400, 3);
  EXPECT_TRUE(torch::equal(all.narrow(1, 128, 200), random_signs(5, 128, 200, 3)));
  EXPECT_TRUE(torch::equal(all.narrow(0, 0, 2), random_signs(2, 0, 400, 3)));
}

TEST(RandomSigns, AreEvenAndUnrelated) {
  const auto s = random_signs(300, 0, 1024, 7);
  EXPECT_TRUE(torch::equal(s.abs(), torch::ones_like(s)));
  const double count = 300.0 * 1024;
  EXPECT_LT(std::abs(s.mean().item<double>()), 4 / std::sqrt(count));
  const auto rows = s.matmul(s.t()) / 1024;
  const auto off = rows - torch::eye(300);
  EXPECT_LT(off.abs().max().item<double>(), 6 / std::sqrt(1024));
  const auto columns = s.t().matmul(s) / 300 - torch::eye(1024);
  EXPECT_LT(columns.abs().max().item<double>(), 6.5 / std::sqrt(300));
}

}  // namespace
}  // namespace expunge
