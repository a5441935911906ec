#include "expunge/gradients/jacobian_gram.h"

#include <ATen/ops/im2col.h>
#include <ATen/ops/stack.h>

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/train/batch_norm.h"
#include "expunge/train/convolution.h"
#include "expunge/train/linear.h"

namespace expunge {
namespace {

/// Keeps every layer's output gradient, one for each backward pass (class), layers in the order in
/// which they were first seen, so that sums over layers always round alike.
class OutputGradients final : public BackwardObserver {
 public:
  struct OfLayer {
    const Layer* layer;
    std::vector<torch::Tensor> by_class;
  };

  void on_layer(const Layer& layer, const torch::Tensor& output_gradient) override {
    auto known = std::find_if(layers_.begin(), layers_.end(),
                              [&](const OfLayer& l) { return l.layer == &layer; });
    if (known == layers_.end()) known = layers_.insert(layers_.end(), {&layer, {}});
    known->by_class.push_back(output_gradient.clone());
  }
  [[nodiscard]] const std::vector<OfLayer>& layers() const { return layers_; }

 private:
  std::vector<OfLayer> layers_;
};

// K += R R' for rows R (P C, q).
void add_gram(torch::Tensor& gram, const torch::Tensor& rows) {
  gemm(rows, false, rows, true, gram, 1, 1);
}

// (C) tensors of (P, ...) -> (P, C, ...), rows ordered by sample.
torch::Tensor by_sample(const std::vector<torch::Tensor>& by_class) {
  return at::stack(by_class, 1).contiguous();
}

void add_linear(torch::Tensor& gram, const Linear& layer,
                const std::vector<torch::Tensor>& gradients) {
  const auto a = layer.input().contiguous();
  const int64_t samples = a.size(0);
  const auto classes = static_cast<int64_t>(gradients.size());
  auto inputs_gram = torch::empty({samples, samples}, a.options());
  gemm(a, false, a, true, inputs_gram);
  if (layer.has_bias()) inputs_gram += 1;
  const auto g = by_sample(gradients).view({samples * classes, -1});
  auto gradients_gram = torch::empty_like(gram);
  gemm(g, false, g, true, gradients_gram);
  const std::vector<int64_t> shape = {samples, classes, samples, classes};
  gram.view(shape).addcmul_(gradients_gram.view(shape), inputs_gram.view({samples, 1, samples, 1}));
}

void add_convolution(torch::Tensor& gram, const Convolution& layer,
                     const std::vector<torch::Tensor>& gradients) {
  const auto& s = layer.shape();
  const auto x = layer.input().contiguous();
  const int64_t samples = x.size(0);
  const auto classes = static_cast<int64_t>(gradients.size());
  // Patches (P, in k k, L) and output gradients (P, C, out, L): a sample's weight gradient is G
  // patches'.
  const auto patches =
      at::im2col(x, {s.kernel, s.kernel}, {1, 1}, {s.padding, s.padding}, {s.stride, s.stride});
  const auto g = by_sample(gradients).flatten(3);
  constexpr int64_t block_bytes = int64_t{256} << 20;
  const int64_t channel_bytes =
      samples * classes * patches.size(1) * static_cast<int64_t>(x.element_size());
  const int64_t block = std::clamp<int64_t>(block_bytes / channel_bytes, 1, s.out);
  for (int64_t begin = 0; begin < s.out; begin += block) {
    const int64_t count = std::min(block, s.out - begin);
    const auto part = g.narrow(2, begin, count).reshape({samples, classes * count, -1});
    auto rows = torch::empty({samples, classes * count, patches.size(1)}, x.options());
    for (int64_t i = 0; i < samples; ++i) {
      auto of_sample = rows[i];
      gemm(part[i], false, patches[i], true, of_sample);
    }
    add_gram(gram, rows.view({samples * classes, -1}));
  }
}

void add_batch_norm(torch::Tensor& gram, const BatchNorm& layer,
                    const std::vector<torch::Tensor>& gradients) {
  const auto g = by_sample(gradients);  // (P, C, channels, H, W)
  const auto normalised = layer.normalised_input().unsqueeze(1);
  const int64_t rows = g.size(0) * g.size(1);
  add_gram(gram, (g * normalised).sum({3, 4}).view({rows, -1}).contiguous());
  add_gram(gram, g.sum({3, 4}).view({rows, -1}).contiguous());
}

torch::Tensor one_hot_rows(const torch::Tensor& logits, int64_t c) {
  auto rows = torch::zeros_like(logits, logits.options(), at::MemoryFormat::Contiguous);
  rows.select(1, c).fill_(1);
  return rows;
}

}  // namespace

JacobianGram jacobian_gram(Network& network, const torch::Tensor& inputs) {
  auto* layered = dynamic_cast<LayeredNetwork*>(&network);
  if (layered == nullptr) return jacobian_gram_by_rows(network, inputs);

  const auto logits = layered->forward(inputs, Mode::eval).clone();
  const int64_t classes = logits.size(1);
  OutputGradients seen;
  for (int64_t c = 0; c < classes; ++c) {
    layered->backward(one_hot_rows(logits, c),
                      {.input_gradient = false, .parameter_gradients = false, .observer = &seen});
  }
  auto gram = torch::zeros({logits.numel(), logits.numel()}, logits.options());
  for (const auto& [layer, gradients] : seen.layers()) {
    if (const auto* linear = dynamic_cast<const Linear*>(layer)) {
      add_linear(gram, *linear, gradients);
    } else if (const auto* convolution = dynamic_cast<const Convolution*>(layer)) {
      add_convolution(gram, *convolution, gradients);
    } else if (const auto* batch_norm = dynamic_cast<const BatchNorm*>(layer)) {
      add_batch_norm(gram, *batch_norm, gradients);
    } else {
      fail(
          "jacobian_gram: a layer with parameters has no rule; add one beside those of linear and "
          "convolution");
    }
  }
  return {gram, logits};
}

JacobianGram jacobian_gram_by_rows(Network& network, const torch::Tensor& inputs) {
  const int64_t samples = inputs.size(0);
  torch::Tensor jacobian;
  std::vector<torch::Tensor> logits;
  for (int64_t i = 0; i < samples; ++i) {
    const auto z = network.forward(inputs.narrow(0, i, 1), Mode::eval).clone();
    const int64_t classes = z.size(1);
    if (i == 0)
      jacobian = torch::empty({samples * classes, network.parameters().numel()}, z.options());
    logits.push_back(z);
    for (int64_t c = 0; c < classes; ++c) {
      network.backward(one_hot_rows(z, c));
      jacobian[i * classes + c].copy_(network.gradient());
    }
  }
  auto gram = torch::zeros({jacobian.size(0), jacobian.size(0)}, jacobian.options());
  add_gram(gram, jacobian);
  return {gram, at::cat(logits)};
}

torch::Tensor jacobian_transposed_times(Network& network, const torch::Tensor& inputs,
                                        const torch::Tensor& coefficients) {
  const auto logits = network.forward(inputs, Mode::eval);
  if (coefficients.sizes() != logits.sizes()) {
    fail("jacobian_transposed_times: coefficients ({}) required, got ({})",
         fmt::join(logits.sizes(), ", "), fmt::join(coefficients.sizes(), ", "));
  }
  network.backward(coefficients);
  return network.gradient();
}

}  // namespace expunge
