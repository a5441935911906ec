#include "expunge/gradients/kronecker_curvature.h"

#include "expunge/gradients/layer_rows.h"

namespace expunge {
namespace {

// 1 / (mean square + damp times its mean over channels) of gradients (N, channels).
torch::Tensor inverse_diagonal(const torch::Tensor& gradients, double damp) {
  const auto squares = gradients.square().mean(0);
  const auto mean = squares.mean();
  return at::where(mean > 0, 1 / (squares + damp * mean), torch::ones_like(squares));
}

KroneckerCurvature::Factors factors_of(const LayerRows& rows, double damp) {
  const int64_t samples = rows.inputs.size(0);
  KroneckerCurvature::Factors factors;
  const auto kind = kind_of(*rows.layer);
  if (kind == LayerKind::linear) {
    factors.inputs.emplace(design(rows), samples, damp);
    factors.gradients.emplace(rows.gradients, samples, damp);
  } else if (kind == LayerKind::convolution) {
    const auto gradients = positions_as_rows(rows.gradients.flatten(2));
    factors.inputs.emplace(positions_as_rows(design(rows)), samples, damp);
    factors.gradients.emplace(gradients, gradients.size(0), damp);
  } else {
    factors.weight = inverse_diagonal((rows.gradients * rows.inputs).sum({2, 3}), damp);
    factors.bias = inverse_diagonal(rows.gradients.sum({2, 3}), damp);
  }
  return factors;
}

}  // namespace

KroneckerCurvature::KroneckerCurvature(Network& network, const torch::Tensor& inputs,
                                       const torch::Tensor& directions, double damp) {
  auto* layered = dynamic_cast<LayeredNetwork*>(&network);
  if (layered == nullptr) return;
  RowCollector collector(*layered);
  collector.forward(inputs);
  collector.add(directions.unsqueeze(1));
  for (const auto& rows : collector.layers()) layers_.push_back(factors_of(rows, damp));
}

const KroneckerCurvature::Factors* KroneckerCurvature::of_layer(size_t layer) const {
  return layers_.empty() ? nullptr : &layers_.at(layer);
}

}  // namespace expunge
