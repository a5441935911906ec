// Networks of each kind that are small enough for gradients row by row.
#pragma once

#include <torch/types.h>

#include <memory>

#include "expunge/train/networks.h"

namespace expunge {

/// Trained nowhere, but with running statistics and BatchNorm weights away from their start, where
/// mistakes would hide.
inline std::unique_ptr<LayeredNetwork> small_network(NetworkKind kind,
                                                     DtypeKind dtype = DtypeKind::float64) {
  auto network = make_network({.kind = kind, .hidden = {6, 5}, .width = 0.06, .dtype = dtype},
                              NetworkShape{2, 12, 12, 3});
  network->initialise(9);
  torch::manual_seed(4);
  const auto type = dtype == DtypeKind::float64 ? torch::kFloat64 : torch::kFloat32;
  network->forward(torch::randn({7, 2, 12, 12}, type).contiguous(at::MemoryFormat::ChannelsLast),
                   Mode::train);
  network->parameters().add_(0.1 * torch::randn({network->parameters().numel()}, type));
  return network;
}

inline torch::Tensor small_inputs(int64_t count, unsigned seed = 8) {
  torch::manual_seed(seed);
  return torch::randn({count, 2, 12, 12}, torch::kFloat64)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

/// The same network as one whose layers nobody knows.
class Opaque final : public Network {
 public:
  explicit Opaque(LayeredNetwork& inside) : inside_(inside) {}
  torch::Tensor forward(const torch::Tensor& x, Mode mode) override {
    return inside_.forward(x, mode);
  }
  void backward(const torch::Tensor& g) override { inside_.backward(g); }
  [[nodiscard]] torch::Tensor parameters() const override { return inside_.parameters(); }
  [[nodiscard]] torch::Tensor gradient() const override { return inside_.gradient(); }
  [[nodiscard]] NamedTensors state() const override { return inside_.state(); }
  [[nodiscard]] std::unique_ptr<Network> clone() const override { return inside_.clone(); }

 private:
  LayeredNetwork& inside_;
};

/// Gradients (R, p) of v . z, one row at a time by the network's own backward pass: inputs (P, ...),
/// directions (P, q, C), rows ordered by sample.
inline torch::Tensor jacobian_by_rows(Network& network, const torch::Tensor& inputs,
                                      const torch::Tensor& directions) {
  std::vector<torch::Tensor> rows;
  for (int64_t i = 0; i < inputs.size(0); ++i) {
    for (int64_t k = 0; k < directions.size(1); ++k) {
      network.forward(inputs.narrow(0, i, 1), Mode::eval);
      network.backward(directions[i].narrow(0, k, 1).contiguous());
      rows.push_back(network.gradient().clone());
    }
  }
  return torch::stack(rows);
}

}  // namespace expunge
