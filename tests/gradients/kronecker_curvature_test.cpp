// Products with the factors against dense matrices built from the definition.
#include "expunge/gradients/kronecker_curvature.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/gradients/logit_jacobian.h"
#include "expunge/train/batch_norm.h"
#include "expunge/train/convolution.h"
#include "expunge/train/linear.h"
#include "gradients/small_networks.h"

namespace expunge {
namespace {

constexpr double kDamp = 0.1;

torch::Tensor damped(const torch::Tensor& moment) {
  return moment + kDamp * moment.diagonal().mean() * torch::eye(moment.size(0), moment.options());
}

/// Where (out, in + 1) by rows, the last column the bias, has the weight (out, in) and then the bias.
torch::Tensor weight_then_bias(int64_t out, int64_t in) {
  const auto positions = torch::arange(out * (in + 1), torch::kInt64).view({out, in + 1});
  return torch::cat({positions.narrow(1, 0, in).flatten(), positions.select(1, in)});
}

/// Products with one direction per sample against a dense M.
void expect_products(Network& network, const KroneckerCurvature& curvature,
                     const torch::Tensor& dense) {
  const auto x = small_inputs(6, 31);
  const auto v = torch::randn({6, 2, 3}, torch::kFloat64);
  const auto j = jacobian_by_rows(network, x, v);
  const auto solved = at::linalg_solve(dense, j.t());  // M^-1 J'
  LogitJacobian jacobian(network, &curvature);
  jacobian.forward(x);
  jacobian.add(v);
  EXPECT_TRUE(torch::allclose(jacobian.gram(), j.matmul(solved), 1e-8, 1e-9));
  const auto c = torch::randn({12}, torch::kFloat64);
  EXPECT_TRUE(torch::allclose(jacobian.transposed_times(c), solved.mv(c), 1e-8, 1e-9));
}

TEST(KroneckerCurvature, OfALinearModelIsTheKroneckerProductOfItsMoments) {
  auto network = make_network({.hidden = {}, .dtype = DtypeKind::float64}, {2, 12, 12, 3});
  network->initialise(1);
  const auto x = small_inputs(400);
  const auto v = torch::randn({400, 3}, torch::kFloat64);
  const KroneckerCurvature curvature(*network, x, v, kDamp);
  const auto a = torch::cat({x.flatten(1), torch::ones({400, 1}, torch::kFloat64)}, 1);
  const auto ma = damped(a.t().matmul(a) / 400);
  const auto mg = damped(v.t().matmul(v) / 400);
  const auto kron = torch::kron(mg, ma);
  const auto index = weight_then_bias(3, 288);
  expect_products(*network, curvature, kron.index_select(0, index).index_select(1, index));
}

/// Fills M (p, p) block by block, from what each layer sees in one backward pass.
class DenseBlocks final : public BackwardObserver {
 public:
  explicit DenseBlocks(int64_t parameters)
      : m(torch::zeros({parameters, parameters}, torch::kFloat64)) {}

  void on_layer(Layer& layer, const torch::Tensor& g) override {
    const auto parameters = layer.parameters();
    const int64_t samples = g.size(0);
    if (const auto* convolution = dynamic_cast<const Convolution*>(&layer)) {
      const auto& s = convolution->shape();
      const auto a = at::im2col(layer.input(), {s.kernel, s.kernel}, {1, 1}, {s.padding, s.padding},
                                {s.stride, s.stride});  // (N, d, T)
      const auto positions = static_cast<double>(a.size(2));
      const auto inputs = torch::einsum("nit,njt->ij", {a, a}) / static_cast<double>(samples);
      const auto h = g.flatten(2);
      const auto gradients =
          torch::einsum("nit,njt->ij", {h, h}) / (static_cast<double>(samples) * positions);
      set(*parameters[0], torch::kron(damped(gradients), damped(inputs)));
    } else if (const auto* linear = dynamic_cast<const Linear*>(&layer)) {
      auto a = layer.input();
      if (linear->has_bias()) a = torch::cat({a, torch::ones({samples, 1}, a.options())}, 1);
      auto block = torch::kron(damped(g.t().matmul(g) / static_cast<double>(samples)),
                               damped(a.t().matmul(a) / static_cast<double>(samples)));
      if (linear->has_bias()) {
        const auto index = weight_then_bias(g.size(1), a.size(1) - 1);
        block = block.index_select(0, index).index_select(1, index);
      }
      set(*parameters[0], block);
    } else {
      const auto& norm = dynamic_cast<const BatchNorm&>(layer);
      const auto of_weight = (g * norm.normalised_input()).sum({2, 3}).square().mean(0);
      const auto of_bias = g.sum({2, 3}).square().mean(0);
      set(*parameters[0], (of_weight + kDamp * of_weight.mean()).diag());
      set(*parameters[1], (of_bias + kDamp * of_bias.mean()).diag());
    }
  }

  torch::Tensor m;

 private:
  void set(const Parameter& parameter, const torch::Tensor& block) {
    const int64_t first = parameter.value.storage_offset();
    m.narrow(0, first, block.size(0)).narrow(1, first, block.size(0)).copy_(block);
  }
};

TEST(KroneckerCurvature, OfConvolutionsAndBatchNormsIsThatOfItsDefinition) {
  const auto network = small_network(NetworkKind::convnet);
  const auto x = small_inputs(30);
  const auto v = torch::randn({30, 3}, torch::kFloat64);
  DenseBlocks dense(network->parameters().numel());
  network->forward(x, Mode::eval);
  network->backward(v, {.input_gradient = false, .parameter_gradients = false, .observer = &dense});
  const KroneckerCurvature curvature(*network, x, v, kDamp);
  expect_products(*network, curvature, dense.m);
}

TEST(KroneckerCurvature, DoesNotDependOnTheScaleOfALayersUnits) {
  // Twice the inputs of a layer, half its weights: the same function, so the same step in function.
  auto network = make_network({.hidden = {6}, .dtype = DtypeKind::float64}, {2, 12, 12, 3});
  network->initialise(1);
  const auto x = small_inputs(300);
  const auto v = torch::randn({300, 3}, torch::kFloat64);
  const auto gram = [&] {
    const KroneckerCurvature curvature(*network, x, v, 1e-9);
    LogitJacobian jacobian(*network, &curvature);
    jacobian.forward(x.narrow(0, 0, 4));
    jacobian.add(all_logits(4, 3, torch::kFloat64));
    return jacobian.gram();
  };
  const auto before = gram();
  const auto state = network->state();
  // Relu is homogeneous: the hidden layer's units tripled, what reads them divided by three.
  state[0].second.mul_(3);
  state[1].second.mul_(3);
  state[2].second.div_(3);
  EXPECT_TRUE(torch::allclose(gram(), before, 1e-4, 1e-4));
}

TEST(KroneckerCurvature, OfAnUnknownNetworkIsTheIdentity) {
  const auto network = small_network(NetworkKind::mlp);
  Opaque opaque(*network);
  const KroneckerCurvature curvature(opaque, small_inputs(3), torch::randn({3, 3}, torch::kFloat64),
                                     kDamp);
  EXPECT_EQ(curvature.of_layer(0), nullptr);
  EXPECT_TRUE(torch::isfinite(network->parameters()).all().item<bool>());
}

}  // namespace
}  // namespace expunge
