#include "expunge/gradients/layer_rows.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/im2col.h>
#include <ATen/ops/stack.h>

#include <algorithm>

#include "expunge/train/batch_norm.h"
#include "expunge/train/convolution.h"
#include "expunge/train/linear.h"

namespace expunge {
namespace {

/// Keeps every layer's inputs once and its output gradient of each backward pass.
class OutputGradients final : public BackwardObserver {
 public:
  struct OfLayer {
    Layer* layer;
    torch::Tensor inputs;
    std::vector<torch::Tensor> by_pass;  // (P, ...) each
  };

  void on_layer(Layer& layer, const torch::Tensor& output_gradient) override {
    auto known = std::find_if(layers.begin(), layers.end(),
                              [&](const OfLayer& l) { return l.layer == &layer; });
    if (known == layers.end()) {
      const auto* norm = dynamic_cast<const BatchNorm*>(&layer);
      const auto inputs = norm ? norm->normalised_input() : layer.input();
      known = layers.insert(layers.end(), {&layer, inputs.clone(), {}});
    }
    known->by_pass.push_back(output_gradient.clone());
  }

  std::vector<OfLayer> layers;
};

}  // namespace

torch::Tensor design(const LayerRows& rows) {
  const auto& x = rows.inputs;
  if (const auto* linear = dynamic_cast<const Linear*>(rows.layer)) {
    return linear->has_bias() ? at::cat({x, x.new_ones({x.size(0), 1})}, 1) : x;
  }
  const auto& s = dynamic_cast<const Convolution&>(*rows.layer).shape();
  return at::im2col(x, {s.kernel, s.kernel}, {1, 1}, {s.padding, s.padding}, {s.stride, s.stride});
}

torch::Tensor RowCollector::forward(const torch::Tensor& inputs) {
  blocks_.push_back({.samples = inputs.size(0), .directions = 0, .layers = {}});
  return network_.forward(inputs, Mode::eval).clone();
}

void RowCollector::add(const torch::Tensor& directions) {
  auto& block = blocks_.back();
  block.directions = directions.size(1);
  OutputGradients seen;
  for (int64_t k = 0; k < block.directions; ++k) {
    network_.backward(directions.select(1, k).contiguous(),
                      {.input_gradient = false, .parameter_gradients = false, .observer = &seen});
  }
  for (const auto& of : seen.layers) {
    // (q) tensors of (P, ...) -> (P q, ...), rows ordered by sample.
    block.layers.push_back(
        {of.layer, of.inputs, at::stack(of.by_pass, 1).flatten(0, 1).contiguous()});
  }
}

std::vector<LayerRows> RowCollector::layers() const {
  std::vector<LayerRows> joined;
  for (size_t l = 0; l < blocks_.front().layers.size(); ++l) {
    std::vector<torch::Tensor> inputs;
    std::vector<torch::Tensor> gradients;
    for (const auto& block : blocks_) {
      inputs.push_back(block.layers[l].inputs);
      gradients.push_back(block.layers[l].gradients);
    }
    joined.push_back({blocks_.front().layers[l].layer, at::cat(inputs).contiguous(),
                      at::cat(gradients).contiguous()});
  }
  return joined;
}

torch::Tensor RowCollector::samples_of_rows() const {
  std::vector<torch::Tensor> samples;
  int64_t first = 0;
  for (const auto& block : blocks_) {
    samples.push_back(at::arange(first, first + block.samples, torch::kInt64)
                          .repeat_interleave(block.directions));
    first += block.samples;
  }
  return at::cat(samples);
}

}  // namespace expunge
