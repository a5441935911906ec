#include "expunge/train/pooling.h"

#include <ATen/ops/adaptive_max_pool2d.h>
#include <ATen/ops/adaptive_max_pool2d_backward.h>
#include <ATen/ops/max_pool2d_with_indices.h>
#include <ATen/ops/max_pool2d_with_indices_backward.h>

namespace expunge {

torch::Tensor MaxPool::forward(const torch::Tensor& x, Mode /*mode*/) {
  input_ = x;
  const auto& [size, stride, padding] = shape_;
  auto [output, indices] =
      at::max_pool2d_with_indices(x, {size, size}, {stride, stride}, {padding, padding});
  indices_ = indices;
  return output;
}

torch::Tensor MaxPool::backward(const torch::Tensor& output_gradient,
                                const BackwardRequest& request) {
  if (!request.input_gradient) return {};
  const auto& [size, stride, padding] = shape_;
  return at::max_pool2d_with_indices_backward(output_gradient, input_, {size, size},
                                              {stride, stride}, {padding, padding}, {1, 1}, false,
                                              indices_);
}

torch::Tensor GlobalMaxPool::forward(const torch::Tensor& x, Mode /*mode*/) {
  input_ = x;
  auto [output, indices] = at::adaptive_max_pool2d(x, {1, 1});
  indices_ = indices;
  return output.flatten(1);
}

torch::Tensor GlobalMaxPool::backward(const torch::Tensor& output_gradient,
                                      const BackwardRequest& request) {
  if (!request.input_gradient) return {};
  return at::adaptive_max_pool2d_backward(output_gradient.unsqueeze(2).unsqueeze(3), input_,
                                          indices_);
}

torch::Tensor GlobalMeanPool::forward(const torch::Tensor& x, Mode /*mode*/) {
  input_shape_ = x.sizes().vec();
  return x.mean({2, 3});
}

torch::Tensor GlobalMeanPool::backward(const torch::Tensor& output_gradient,
                                       const BackwardRequest& request) {
  if (!request.input_gradient) return {};
  const double pixels = static_cast<double>(input_shape_[2] * input_shape_[3]);
  return (output_gradient / pixels)
      .unsqueeze(2)
      .unsqueeze(3)
      .expand(input_shape_)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace expunge
