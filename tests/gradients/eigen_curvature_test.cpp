// EK-FAC against the same approximation written out with dense matrices.
#include "expunge/gradients/eigen_curvature.h"

#include <ATen/ops/im2col.h>
#include <gtest/gtest.h>

#include <limits>

#include "expunge/core/error.h"
#include "expunge/train/convolution.h"
#include "gradients/small_networks.h"
#include "message_of.h"

namespace expunge {
namespace {

constexpr int64_t fitted = 40;
constexpr double damp = 0.2;

torch::Tensor eigenvectors_of(const torch::Tensor& rows) {
  return std::get<1>(torch::linalg_eigh(rows.t().matmul(rows)));
}

torch::Tensor positions(const torch::Tensor& x) {
  return x.transpose(1, 2).reshape({-1, x.size(1)});
}

/// M^-1 g of a network: eigenvectors from the layers' inputs and output gradients, values from whole
/// gradients `j` (R, p), one parameter block after the other.
torch::Tensor divided_densely(const torch::Tensor& g, LayeredNetwork& network,
                              const RowCollector& rows, const torch::Tensor& j, int64_t samples) {
  auto divided = torch::zeros_like(g);
  const auto* start = network.parameters().data_ptr<double>();
  for (const auto& layer : rows.layers()) {
    const auto parameters = layer.layer->parameters();
    // Columns of j that are the layer's, and the order [weights' rows, each with its bias].
    std::vector<torch::Tensor> columns;
    for (const auto* parameter : parameters) {
      const int64_t at = parameter->value.data_ptr<double>() - start;
      columns.push_back(
          torch::arange(at, at + parameter->value.numel()).view({parameter->shape[0], -1}));
    }
    const bool norm = kind_of(*layer.layer) == LayerKind::batch_norm;
    const auto order = (norm ? torch::cat({columns[0].flatten(), columns[1].flatten()})
                             : torch::cat(columns, 1).flatten());
    const auto own = j.index_select(1, order);
    torch::Tensor q = torch::eye(own.size(1), torch::kFloat64);
    if (kind_of(*layer.layer) == LayerKind::linear) {
      const auto ones = torch::ones({samples, static_cast<int64_t>(parameters.size()) - 1},
                                    torch::kFloat64);  // for the bias, if there is one
      const auto x = torch::cat({layer.inputs, ones}, 1);
      q = torch::kron(eigenvectors_of(layer.gradients), eigenvectors_of(x));
    } else if (!norm) {
      const auto& s = dynamic_cast<const Convolution&>(*layer.layer).shape();
      const auto patches = at::im2col(layer.inputs, {s.kernel, s.kernel}, {1, 1},
                                      {s.padding, s.padding}, {s.stride, s.stride});
      q = torch::kron(eigenvectors_of(positions(layer.gradients.flatten(2))),
                      eigenvectors_of(positions(patches)));
    }
    auto values = own.matmul(q).square().sum(0) / static_cast<double>(samples);
    values += damp * values.mean();
    const auto turned = q.t().mv(g.index_select(0, order)) / values;
    divided.index_put_({order}, q.mv(turned));
  }
  return divided;
}

class EigenCurvatures : public testing::TestWithParam<NetworkKind> {
 protected:
  std::unique_ptr<LayeredNetwork> network = small_network(GetParam());
  torch::Tensor inputs = small_inputs(fitted);
  torch::Tensor directions = torch::randn({fitted, 2, 3}, torch::kFloat64);
  EigenCurvature curvature{*network, inputs,
                           [this](const torch::Tensor& logits, int64_t first) {
                             return directions.narrow(0, first, logits.size(0));
                           },
                           damp, 2};
};

TEST_P(EigenCurvatures, DivideAsTheDenseMatrix) {
  RowCollector rows(*network);
  rows.forward(inputs);
  rows.add(directions);
  const auto j = jacobian_by_rows(*network, inputs, directions);
  const auto g = torch::randn({network->parameters().numel()}, torch::kFloat64);
  network->gradient().copy_(g);
  curvature.divide_gradients(rows);
  const auto expected = divided_densely(g, *network, rows, j, fitted);
  EXPECT_TRUE(torch::allclose(network->gradient(), expected, 1e-6,
                              1e-8 * expected.abs().max().item<double>()));
}

TEST_P(EigenCurvatures, ProductsAreThoseOfDividedGradients) {
  const auto x = small_inputs(3, 30);
  const auto y = small_inputs(4, 31);
  const auto v = torch::randn({3, 1, 3}, torch::kFloat64);
  const auto w = torch::randn({4, 2, 3}, torch::kFloat64);
  const auto turned = [&](const torch::Tensor& of, const torch::Tensor& d) {
    RowCollector rows(*network);
    rows.forward(of);
    rows.add(d);
    return curvature.turned(rows);
  };
  const auto products = curvature.products(turned(x, v), turned(y, w));
  const auto left = jacobian_by_rows(*network, x, v);
  const auto right = jacobian_by_rows(*network, y, w);
  RowCollector one(*network);
  one.forward(x.narrow(0, 0, 1));
  one.add(v.narrow(0, 0, 1));
  std::vector<torch::Tensor> divided;
  for (int64_t r = 0; r < right.size(0); ++r) {
    network->gradient().copy_(right[r]);
    curvature.divide_gradients(one);
    divided.push_back(network->gradient().clone());
  }
  const auto expected = left.matmul(torch::stack(divided).t());
  // Small eigenvalues of linear layers are left out: a thousandth.
  EXPECT_LT((products - expected).abs().max().item<double>(),
            1e-3 * expected.abs().max().item<double>());
}

TEST_P(EigenCurvatures, DoNotDependOnTheNumberOfWorkers) {
  const EigenCurvature again(
      *network, inputs,
      [this](const torch::Tensor& logits, int64_t first) {
        return directions.narrow(0, first, logits.size(0));
      },
      damp, 1);
  RowCollector rows(*network);
  rows.forward(inputs.narrow(0, 0, 5));
  rows.add(directions.narrow(0, 0, 5));
  EXPECT_TRUE(torch::equal(curvature.products(curvature.turned(rows), curvature.turned(rows)),
                           again.products(again.turned(rows), again.turned(rows))));
}

INSTANTIATE_TEST_SUITE_P(AllNetworks, EigenCurvatures,
                         testing::Values(NetworkKind::mlp, NetworkKind::convnet,
                                         NetworkKind::resnet9, NetworkKind::resnet18));

TEST(EigenCurvature, OfADivergedNetworkIsRefused) {
  const auto network = small_network(NetworkKind::mlp);
  network->parameters()[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(message_of<NonFiniteError>([&] {
              const EigenCurvature curvature(
                  *network, small_inputs(3),
                  [](const torch::Tensor& logits, int64_t) { return logits.unsqueeze(1); }, 1);
            }),
            "curvature: the network's logits are not finite");
}

}  // namespace
}  // namespace expunge
