// Long vectors summed into few numbers by random signs, inner products kept in expectation.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace expunge {

/// The map x (p) -> S x (k): x is cut into chunks of k, each is given random signs, turned by a random
/// number of places, and all are summed. E[(S x) . (S y)] = x . y, and two entries of different chunks meet with
/// probability 1 / k, so that the variance is at most that of a count sketch (Charikar, Chen and Farach-Colton, ICALP
/// 2002; Weinberger et al., arXiv 0902.2206): ((x . x)(y . y) + (x . y)^2) / k. It costs p additions, where a dense
/// projection (gradient_projection.h) costs p k.
///
/// Signs and turns come from Philox by (seed, place): the same on every platform.
class SignSketch {
 public:
  /// width k >= 1 of vectors of `length` p >= 1. Tensors are of the dtype and device of `options`.
  SignSketch(int64_t length, int64_t width, uint64_t seed, const torch::TensorOptions& options);

  /// sums (R, k) += S of the R vectors whose entries first ... first + count are `rows` (R, count), all
  /// others 0.
  void add(const torch::Tensor& rows, int64_t first, torch::Tensor sums) const;

 private:
  int64_t width_;
  uint64_t seed_;
  torch::Tensor signs_;  // (chunks, k)
};

}  // namespace expunge
