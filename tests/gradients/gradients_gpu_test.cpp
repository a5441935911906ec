// Rows of a Jacobian, curvature and kernels on a CUDA device against the CPU.
#include <gtest/gtest.h>

#include "cuda_device.h"
#include "expunge/gradients/logit_jacobian.h"
#include "expunge/gradients/tangent_kernel.h"
#include "gradients/small_networks.h"

namespace expunge {
namespace {

class CudaGradients : public CudaTest {};

struct GramAndChange {
  torch::Tensor gram, change;
};

// All logits of four samples, then one direction of three more.
GramAndChange gram_and_change(LayeredNetwork& network, bool with_curvature) {
  const auto device = network.parameters().device();
  torch::manual_seed(11);
  const auto first = small_inputs(4).to(device);
  const auto second = small_inputs(3, 9).to(device);
  const auto direction = torch::randn({3, 1, 3}, torch::kFloat64).to(device);
  const auto curvature_directions = torch::randn({20, 3}, torch::kFloat64).to(device);
  std::optional<KroneckerCurvature> curvature;
  if (with_curvature)
    curvature.emplace(network, small_inputs(20, 10).to(device), curvature_directions, 0.1);
  LogitJacobian jacobian(network, curvature ? &*curvature : nullptr);
  const auto logits = jacobian.forward(first);
  jacobian.add(all_logits(4, 3, logits.options()));
  jacobian.forward(second);
  jacobian.add(direction);
  const auto coefficients = torch::randn({15}, torch::kFloat64).to(device);
  return {jacobian.gram().clone(), jacobian.transposed_times(coefficients).clone()};
}

TEST_F(CudaGradients, KernelsAndStepsAreTheCpus) {
  for (const auto kind :
       {NetworkKind::mlp, NetworkKind::convnet, NetworkKind::resnet9, NetworkKind::resnet18}) {
    for (const bool with_curvature : {false, true}) {
      const auto here = small_network(kind);
      const auto there = here->on(device);
      const auto cpu = gram_and_change(*here, with_curvature);
      const auto cuda = gram_and_change(*there, with_curvature);
      EXPECT_TRUE(cuda.gram.is_cuda());
      EXPECT_LT(distance_between(cuda.gram, cpu.gram), 1e-8) << static_cast<int>(kind);
      EXPECT_LT(distance_between(cuda.change, cpu.change), 1e-8) << static_cast<int>(kind);
    }
  }
}

TEST_F(CudaGradients, TheTangentKernelIsTheCpus) {
  for (const auto kind : {NetworkKind::mlp, NetworkKind::convnet}) {
    for (const int64_t features : {0, 9}) {
      const auto here = small_network(kind);
      const auto there = here->on(device);
      const auto cpu = tangent_kernel(*here, small_inputs(9), 6, {.features = features});
      const auto cuda = tangent_kernel(*there, small_inputs(9).to(device), 6,
                                       {.features = features, .workers = 1});
      EXPECT_TRUE(cuda.is_cpu());
      EXPECT_LT(distance_between(cuda, cpu), 1e-6) << static_cast<int>(kind);
    }
  }
}

}  // namespace
}  // namespace expunge
