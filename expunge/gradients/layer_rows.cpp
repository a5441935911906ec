#include "expunge/gradients/layer_rows.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/im2col.h>
#include <ATen/ops/stack.h>

#include <algorithm>

#include "expunge/core/error.h"
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

void append(torch::Tensor& all, const torch::Tensor& more) {
  all = (all.defined() ? at::cat({all, more}) : more).contiguous();
}

}  // namespace

LayerKind kind_of(const Layer& layer) {
  if (dynamic_cast<const Linear*>(&layer) != nullptr) return LayerKind::linear;
  if (dynamic_cast<const Convolution*>(&layer) != nullptr) return LayerKind::convolution;
  if (dynamic_cast<const BatchNorm*>(&layer) != nullptr) return LayerKind::batch_norm;
  fail("gradients: a layer with parameters has no rule; add one beside that of linear");
}

torch::Tensor by_row(const torch::Tensor& x, const torch::Tensor& samples) {
  return x.size(0) == samples.size(0) ? x : x.index_select(0, samples.to(x.device()));
}

torch::Tensor convolution_gradients(const LayerRows& rows, const torch::Tensor& samples,
                                    int64_t first, int64_t count) {
  const auto of = samples.narrow(0, first, count);
  const int64_t begin = of[0].item<int64_t>();
  const int64_t end = of[count - 1].item<int64_t>() + 1;
  const auto patches = design(
      {.layer = rows.layer, .inputs = rows.inputs.narrow(0, begin, end - begin), .gradients = {}});
  return at::bmm(rows.gradients.narrow(0, first, count).flatten(2),
                 by_row(patches, of - begin).transpose(1, 2));
}

torch::Tensor batch_norm_gradients(const LayerRows& rows, const torch::Tensor& samples) {
  const auto weight = (rows.gradients * by_row(rows.inputs, samples)).sum({2, 3});
  return at::cat({weight, rows.gradients.sum({2, 3})}, 1);
}

torch::Tensor design(const LayerRows& rows) {
  const auto& x = rows.inputs;
  if (const auto* linear = dynamic_cast<const Linear*>(rows.layer)) {
    return linear->has_bias() ? at::cat({x, x.new_ones({x.size(0), 1})}, 1) : x;
  }
  const auto& s = dynamic_cast<const Convolution&>(*rows.layer).shape();
  return at::im2col(x, {s.kernel, s.kernel}, {1, 1}, {s.padding, s.padding}, {s.stride, s.stride});
}

torch::Tensor positions_as_rows(const torch::Tensor& x) {
  return x.transpose(1, 2).reshape({-1, x.size(1)}).contiguous();
}

torch::Tensor RowCollector::forward(const torch::Tensor& inputs) {
  seen_ += inputs.size(0);
  return network_.forward(inputs, Mode::eval).clone();
}

void RowCollector::add(const torch::Tensor& directions) {
  OutputGradients seen;
  for (int64_t k = 0; k < directions.size(1); ++k) {
    network_.backward(directions.select(1, k).contiguous(),
                      {.input_gradient = false, .parameter_gradients = false, .observer = &seen});
  }
  for (size_t l = 0; l < seen.layers.size(); ++l) {
    const auto& of = seen.layers[l];
    if (layers_.size() == l) layers_.push_back({.layer = of.layer, .inputs = {}, .gradients = {}});
    append(layers_[l].inputs, of.inputs);
    // (q) tensors of (P, ...) -> (P q, ...), rows ordered by sample.
    append(layers_[l].gradients, at::stack(of.by_pass, 1).flatten(0, 1));
  }
  append(samples_, at::arange(seen_ - directions.size(0), seen_, torch::kInt64)
                       .repeat_interleave(directions.size(1)));
}

RowCollector layers_of(LayeredNetwork& network, const torch::Tensor& input) {
  RowCollector one(network);
  const auto logits = one.forward(input);
  one.add(torch::zeros_like(logits).unsqueeze(1));
  return one;
}

}  // namespace expunge
