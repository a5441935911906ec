// The direction in the space of the logits along which a margin grows fastest.
#pragma once

#include <torch/types.h>

namespace expunge {

/// Gradients of the margin z_y - log sum exp over the other logits: e_y minus the softmax of the
/// others. logits (P, C), C >= 2, labels (P) int64 -> (P, C). Times -(1 - p_y), p the softmax of all,
/// it is the gradient of the cross-entropy.
torch::Tensor margin_gradients(const torch::Tensor& logits, const torch::Tensor& labels);

/// The same as unit vectors.
torch::Tensor margin_directions(const torch::Tensor& logits, const torch::Tensor& labels);

}  // namespace expunge
