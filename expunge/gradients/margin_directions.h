// The direction in the space of the logits along which a margin grows fastest.
#pragma once

#include <torch/types.h>

namespace expunge {

/// Unit vectors along the gradient of the margin z_y - log sum exp over the other logits: e_y minus
/// the softmax of the others. logits (P, C), C >= 2, labels (P) int64 -> (P, C).
torch::Tensor margin_directions(const torch::Tensor& logits, const torch::Tensor& labels);

}  // namespace expunge
