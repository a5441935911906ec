// Products of training-set masks between models.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace expunge {

/// Masks M (N, n) bool as the design of a regression: A = M - alpha, alpha the mean of all entries.
struct MaskDesign {
  double alpha = 0;
  torch::Tensor gram;  // A A' (N, N) float64, exact up to its last rounding
};

/// Counts common examples on bit sets, N^2 n / 128 word operations. InputError unless masks are bool
/// of at least 2 models, and alpha is strictly between 0 and 1.
MaskDesign mask_design(const torch::Tensor& masks, int64_t workers = 0);

/// (n) bool: whether some models saw the example and others did not. Without that its effect cannot
/// be told from the mean of the logits.
torch::Tensor varying_examples(const torch::Tensor& masks);

}  // namespace expunge
