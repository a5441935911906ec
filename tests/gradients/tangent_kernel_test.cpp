// The tangent kernel against gradients taken row by row.
#include "expunge/gradients/tangent_kernel.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "expunge/gradients/logit_jacobian.h"
#include "gradients/small_networks.h"

namespace expunge {
namespace {

TEST(TangentKernel, IsTheProductOfAllLogitsGradients) {
  for (const auto kind : {NetworkKind::mlp, NetworkKind::convnet}) {
    const auto network = small_network(kind);
    const auto inputs = small_inputs(6);
    const auto rows = jacobian_by_rows(*network, inputs, all_logits(6, 3, torch::kFloat64));
    const auto by_point = rows.view({6, -1});  // all classes' gradients, one after the other
    const auto expected = by_point.matmul(by_point.narrow(0, 0, 4).t()).to(torch::kFloat32);
    const auto kernel = tangent_kernel(*network, inputs, 4);
    EXPECT_EQ(kernel.sizes(), at::IntArrayRef({6, 4}));
    EXPECT_TRUE(torch::allclose(kernel, expected, 1e-5, 1e-6));
  }
}

TEST(TangentKernel, RefusesMoreColumnsThanPoints) {
  const auto network = small_network(NetworkKind::mlp);
  EXPECT_THROW(tangent_kernel(*network, small_inputs(3), 4), InputError);
  EXPECT_THROW(tangent_kernel(*network, small_inputs(3), 0), InputError);
}

}  // namespace
}  // namespace expunge
