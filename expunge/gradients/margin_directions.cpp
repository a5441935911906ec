#include "expunge/gradients/margin_directions.h"

#include <ATen/ops/linalg_vector_norm.h>

#include <limits>

namespace expunge {

torch::Tensor margin_directions(const torch::Tensor& logits, const torch::Tensor& labels) {
  const auto own = labels.unsqueeze(1);
  auto directions = -logits.scatter(1, own, -std::numeric_limits<double>::infinity()).softmax(1);
  directions.scatter_(1, own, 1);
  return directions / at::linalg_vector_norm(directions, 2, at::IntArrayRef{1}, true);
}

}  // namespace expunge
