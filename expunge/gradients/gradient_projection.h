// Random projection of gradients to k numbers, drawn as it is used and never held.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "expunge/gradients/layer_rows.h"

namespace expunge {

/// The map g -> P'g from a network's p parameters to k dimensions, P (p, k) of entries +-1 / sqrt(k):
/// inner products of gradients are kept in expectation (Achlioptas, JCSS 2003). Layer by layer column i
/// of P is
///   linear, convolution  r_i s_i', signs r_i over outputs and s_i over what the weights multiply
///   BatchNorm            signs over its weights and over its biases
/// so that a gradient that is a sum of products g a' is projected by two thin matrix products,
/// sum of (r_i'g)(s_i'a), and is never formed where that is the longer way. The price is variance:
/// of one product g a' it is up to four times that of independent signs for the same k; for a sum of
/// many products it comes near to theirs (Rakhshan and Rabusseau, AISTATS 2020).
///
/// Signs come from Philox by (seed, layer, row, column): the same on every platform, whatever is
/// projected together.
class GradientProjection {
 public:
  /// dimensions k >= 1.
  GradientProjection(int64_t dimensions, uint64_t seed) : dimensions_(dimensions), seed_(seed) {}

  /// (R, k) P'g of the rows that were added, of the network's dtype.
  [[nodiscard]] torch::Tensor project(const RowCollector& rows) const;

  /// Writes P w, w (k), to the gradients of the parameters of the layers that rows were added for.
  void write_back(const torch::Tensor& w, const RowCollector& rows) const;

  [[nodiscard]] int64_t dimensions() const { return dimensions_; }

 private:
  int64_t dimensions_;
  uint64_t seed_;
};

/// Columns begin ... begin + count of a matrix of random signs, (rows, count) float32; `begin` a multiple
/// of 128. Entry (i, j) depends on seed, i and j alone.
torch::Tensor random_signs(int64_t rows, int64_t begin, int64_t count, uint64_t seed);

}  // namespace expunge
