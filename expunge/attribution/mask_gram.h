// Training-set masks as the design of a regression in its dual form.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <vector>

namespace expunge {

/// Masks M (N, n) bool as the design of a regression: A = M - alpha, alpha the mean of all
/// entries.
struct MaskDesign {
  double alpha = 0;
  torch::Tensor gram;  // A A' (N, N) float64, exact up to its last rounding
};

/// Counts common examples on bit sets, N^2 n / 128 word operations. InputError unless masks are
/// bool of at least 2 models, and alpha is strictly between 0 and 1.
MaskDesign mask_design(const torch::Tensor& masks, int64_t workers = 0);

/// L (N, N) float64 with A A' + lambda I = L L', L lower triangular: on one thread, so that it
/// rounds alike whatever the number of processors. InputError if lambda is too small for that.
torch::Tensor factorised(const MaskDesign& design, double lambda);

/// InputError unless masks are (models, examples) bool of at least 2 models and an example.
void require_masks(const torch::Tensor& masks);
/// InputError names the first of `examples` that all models saw, or none: its effect cannot be
/// told from the mean of the logits.
void require_varying(const torch::Tensor& masks, std::span<const int64_t> examples);
/// The same of every example, in one pass.
void require_varying(const torch::Tensor& masks);

/// What each of the masks (K, n) bool leaves out, in increasing order.
std::vector<std::vector<int64_t>> left_out(const torch::Tensor& masks);

}  // namespace expunge
