// The tangent kernel against gradients taken row by row.
#include "expunge/gradients/tangent_kernel.h"

#include <gtest/gtest.h>

#include <limits>

#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"
#include "expunge/gradients/logit_jacobian.h"
#include "gradients/small_networks.h"

namespace expunge {
namespace {

constexpr int64_t points = 6;
constexpr int64_t columns = 4;

// (points, columns) float64, by one backward pass for each point and class.
torch::Tensor by_rows(Network& network) {
  const auto rows =
      jacobian_by_rows(network, small_inputs(points), all_logits(points, 3, torch::kFloat64));
  const auto gradients = rows.view({points, -1});  // all classes' gradients, one after the other
  return gradients.matmul(gradients.narrow(0, 0, columns).t());
}

double relative_error(const torch::Tensor& kernel, const torch::Tensor& exact) {
  return ((kernel.to(torch::kFloat64) - exact).norm() / exact.norm()).item<double>();
}

TEST(TangentKernel, WithoutALimitIsTheProductOfAllLogitsGradients) {
  for (const auto kind :
       {NetworkKind::mlp, NetworkKind::convnet, NetworkKind::resnet9, NetworkKind::resnet18}) {
    const auto network = small_network(kind);
    const auto kernel = tangent_kernel(*network, small_inputs(points), columns, {.features = 0});
    EXPECT_EQ(kernel.sizes(), at::IntArrayRef({points, columns}));
    EXPECT_EQ(kernel.scalar_type(), torch::kFloat32);
    EXPECT_LT(relative_error(kernel, by_rows(*network)), 1e-6) << static_cast<int>(kind);
  }
}

TEST(TangentKernel, FeaturesThatHoldTheGradientsChangeNothing) {
  const auto network = small_network(NetworkKind::mlp);  // 288-6-5-3, outputs' gradients up to 6
  const auto kernel = tangent_kernel(*network, small_inputs(points), columns, {.features = 18});
  EXPECT_LT(relative_error(kernel, by_rows(*network)), 1e-6);
}

// Errors of the mean over s seeds fall as 1 / sqrt(s).
TEST(TangentKernel, SketchesKeepItInExpectation) {
  for (const auto kind : {NetworkKind::mlp, NetworkKind::convnet}) {
    const auto network = small_network(kind);
    const auto exact = by_rows(*network);
    const auto mean_error = [&](int64_t features, uint64_t seeds) {
      auto sum = torch::zeros({points, columns}, torch::kFloat64);
      for (uint64_t seed = 0; seed < seeds; ++seed)
        sum += tangent_kernel(*network, small_inputs(points), columns,
                              {.features = features, .seed = seed});
      return relative_error(sum / static_cast<double>(seeds), exact);
    };
    EXPECT_GT(mean_error(9, 1), 0.03) << static_cast<int>(kind);
    EXPECT_LT(mean_error(9, 1), 1.5) << static_cast<int>(kind);
    EXPECT_LT(mean_error(9, 400), 0.08) << static_cast<int>(kind);
  }
}

TEST(TangentKernel, DoesNotDependOnTheNumberOfWorkers) {
  const auto network = small_network(NetworkKind::convnet);
  const auto inputs = small_inputs(500);
  const auto one = tangent_kernel(*network, inputs, 300, {.features = 30, .workers = 1});
  EXPECT_TRUE(
      torch::equal(one, tangent_kernel(*network, inputs, 300, {.features = 30, .workers = 3})));
  EXPECT_FALSE(torch::equal(
      one, tangent_kernel(*network, inputs, 300, {.features = 30, .seed = 1, .workers = 3})));
}

TEST(TangentKernel, RefusesMoreColumnsThanPoints) {
  const auto network = small_network(NetworkKind::mlp);
  EXPECT_THROW(tangent_kernel(*network, small_inputs(3), 4), InputError);
  EXPECT_THROW(tangent_kernel(*network, small_inputs(3), 0), InputError);
}

TEST(TangentKernel, RefusesModelsWhoseGradientsAreNotFinite) {
  const auto network = small_network(NetworkKind::mlp);
  network->parameters()[0] = std::numeric_limits<double>::infinity();
  EXPECT_THROW(tangent_kernel(*network, small_inputs(3), 2), NonFiniteError);
}

TEST(TangentKernel, StopsWhenAsked) {
  const auto network = small_network(NetworkKind::convnet);
  request_interrupt();
  EXPECT_THROW(tangent_kernel(*network, small_inputs(3), 2), Interrupted);
  clear_interrupt();
}

}  // namespace
}  // namespace expunge
