#include "expunge/train/pointwise.h"

#include <ATen/ops/threshold_backward.h>

namespace expunge {

torch::Tensor Relu::forward(const torch::Tensor& x, Mode /*mode*/) {
  output_ = x;
  return output_.clamp_min_(0);
}

torch::Tensor Relu::backward(const torch::Tensor& output_gradient, const BackwardRequest& request) {
  if (!request.input_gradient) return {};
  return at::threshold_backward(output_gradient, output_, 0);
}

torch::Tensor Flatten::forward(const torch::Tensor& x, Mode /*mode*/) {
  input_shape_ = x.sizes().vec();
  return x.reshape({x.size(0), -1});
}

torch::Tensor Flatten::backward(const torch::Tensor& output_gradient,
                                const BackwardRequest& request) {
  if (!request.input_gradient) return {};
  return output_gradient.reshape(input_shape_);
}

torch::Tensor Scale::forward(const torch::Tensor& x, Mode /*mode*/) {
  return x * factor_;
}

torch::Tensor Scale::backward(const torch::Tensor& output_gradient,
                              const BackwardRequest& request) {
  if (!request.input_gradient) return {};
  return output_gradient * factor_;
}

}  // namespace expunge
