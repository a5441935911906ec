// Gradients of a layered network's logits, kept layer by layer as inputs and output gradients.
// Internal: LogitJacobian and KroneckerCurvature are made of them.
#pragma once

#include <torch/types.h>

#include <vector>

#include "expunge/train/network.h"

namespace expunge {

/// What a layer with parameters saw: the gradient of row r with respect to its parameters is made of
/// the inputs of the row's sample and of the row's output gradient.
struct LayerRows {
  Layer* layer = nullptr;
  torch::Tensor inputs;     // (P, ...); of a BatchNorm, the normalised ones
  torch::Tensor gradients;  // (R, ...), of the shape of the layer's output
};

enum class LayerKind { linear, convolution, batch_norm };
/// Error for a layer with parameters that gradients by rows have no rule for.
LayerKind kind_of(const Layer& layer);

/// x by sample (P, ...) as x by row (R, ...), samples (R) the sample of each row.
torch::Tensor by_row(const torch::Tensor& x, const torch::Tensor& samples);

/// Whole gradients of the rows first ... first + count of a convolution, (count, out, in kernel^2), or of
/// a BatchNorm, (count, 2 channels): its weights, then its biases. samples as by_row().
torch::Tensor convolution_gradients(const LayerRows& rows, const torch::Tensor& samples,
                                    int64_t first, int64_t count);
torch::Tensor batch_norm_gradients(const LayerRows& rows, const torch::Tensor& samples);

/// What a row's output gradient multiplies in the gradient of the layer's weights: linear (P, in), with
/// 1 appended where there is a bias; convolution the patches (P, in kernel^2, H' W'). BatchNorm has none.
torch::Tensor design(const LayerRows& rows);

/// (N, d, T) -> (N T, d): what T positions of a convolution hold, a row each.
torch::Tensor positions_as_rows(const torch::Tensor& x);

/// Samples are given by forward(), their rows by add(): each row is the gradient of v . z(x) for one
/// direction v in the space of the C logits and one sample x.
class RowCollector {
 public:
  explicit RowCollector(LayeredNetwork& network) : network_(network) {}

  /// Forward pass of inputs (P, ...), Mode::eval; returns logits (P, C) of their own memory.
  torch::Tensor forward(const torch::Tensor& inputs);
  /// q rows for each sample of the last forward(), ordered by sample: directions (P, q, C). q
  /// backward passes without parameter gradients. Once for each forward().
  void add(const torch::Tensor& directions);

  /// Layers in the order in which they were first seen (the same in every run).
  [[nodiscard]] const std::vector<LayerRows>& layers() const { return layers_; }
  /// (R) int64 on the CPU: the sample of each row, in increasing order.
  [[nodiscard]] const torch::Tensor& samples_of_rows() const { return samples_; }

 private:
  LayeredNetwork& network_;
  int64_t seen_ = 0;  // samples of all forward passes
  std::vector<LayerRows> layers_;
  torch::Tensor samples_;
};

/// The collector after one sample, for those who ask for the network's layers only.
RowCollector layers_of(LayeredNetwork& network, const torch::Tensor& input);

}  // namespace expunge
