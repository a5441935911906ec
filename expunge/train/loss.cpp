#include "expunge/train/loss.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"

namespace expunge {
namespace {

void require_same_shape(const torch::Tensor& gradient, const torch::Tensor& logits) {
  if (gradient.sizes() != logits.sizes())
    fail("loss: the gradient must have the shape of the logits");
}

template <class T>
double cross_entropy_of(const torch::Tensor& logits, const torch::Tensor& labels,
                        torch::Tensor& gradient) {
  const int64_t batch = logits.size(0);
  const int64_t classes = logits.size(1);
  const T* z = logits.data_ptr<T>();
  const int64_t* y = labels.data_ptr<int64_t>();
  T* g = gradient.data_ptr<T>();
  double loss = 0;
  const T scale = T(1) / static_cast<T>(batch);
  for (int64_t i = 0; i < batch; ++i, z += classes, g += classes) {
    const T largest = *std::max_element(z, z + classes);
    T sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += g[c] = std::exp(z[c] - largest);
    for (int64_t c = 0; c < classes; ++c) g[c] *= scale / sum;
    g[y[i]] -= scale;
    loss += std::log(sum) + largest - z[y[i]];
  }
  return loss / static_cast<double>(batch);
}

// Of LibTorch's operators, wherever the logits are.
double cross_entropy_anywhere(const torch::Tensor& logits, const torch::Tensor& labels,
                              torch::Tensor& gradient) {
  const auto own = labels.to(logits.device()).unsqueeze(1);
  const auto logs = logits.log_softmax(1);
  const auto batch = static_cast<double>(logits.size(0));
  gradient.copy_(logs.exp().scatter_add_(1, own, torch::full_like(own, -1, logits.options())));
  gradient.div_(batch);
  return -logs.gather(1, own).sum(torch::kFloat64).item<double>() / batch;
}

}  // namespace

double cross_entropy(const torch::Tensor& logits, const torch::Tensor& labels,
                     torch::Tensor& gradient) {
  require_same_shape(gradient, logits);
  if (!logits.is_cpu()) return cross_entropy_anywhere(logits, labels, gradient);
  if (logits.scalar_type() == torch::kFloat64)
    return cross_entropy_of<double>(logits, labels, gradient);
  return cross_entropy_of<float>(logits, labels, gradient);
}

double mean_squared_error(const torch::Tensor& logits, const torch::Tensor& targets,
                          torch::Tensor& gradient) {
  require_same_shape(gradient, logits);
  const auto difference = logits - targets;
  gradient.copy_(difference * (2.0 / static_cast<double>(logits.numel())));
  return difference.square().mean().item<double>();
}

double distillation(const torch::Tensor& logits, const torch::Tensor& teacher, double temperature,
                    torch::Tensor& gradient) {
  require_same_shape(gradient, logits);
  const auto student_log = (logits / temperature).log_softmax(1);
  const auto teacher_log = (teacher / temperature).log_softmax(1);
  const auto teacher_share = teacher_log.exp();
  const auto batch = static_cast<double>(logits.size(0));
  gradient.copy_((student_log.exp() - teacher_share) * (temperature / batch));
  return (teacher_share * (teacher_log - student_log)).sum().item<double>() * temperature *
         temperature / batch;
}

}  // namespace expunge
