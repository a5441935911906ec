#include "expunge/gradients/margin_directions.h"

#include <ATen/ops/linalg_vector_norm.h>

#include <limits>

namespace expunge {

torch::Tensor margin_gradients(const torch::Tensor& logits, const torch::Tensor& labels) {
  const auto own = labels.unsqueeze(1);
  auto gradients = -logits.scatter(1, own, -std::numeric_limits<double>::infinity()).softmax(1);
  return gradients.scatter_(1, own, 1);
}

torch::Tensor margin_directions(const torch::Tensor& logits, const torch::Tensor& labels) {
  const auto gradients = margin_gradients(logits, labels);
  return gradients / at::linalg_vector_norm(gradients, 2, at::IntArrayRef{1}, true);
}

}  // namespace expunge
