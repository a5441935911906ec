#include "expunge/train/convolution.h"

#include <cmath>

#include "expunge/core/convolution_product.h"
#include "expunge/core/error.h"

namespace expunge {

Convolution::Convolution(const ConvolutionShape& shape) : shape_(shape) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(shape.in * shape.kernel * shape.kernel));
  weight_ = {"weight", {shape.out, shape.in, shape.kernel, shape.kernel}, bound, 0, {}, {}};
}

torch::Tensor Convolution::forward(const torch::Tensor& x, Mode /*mode*/) {
  if (x.dim() != 4 || x.size(1) != shape_.in) {
    fail("convolution: input (B, {}, H, W) required, got ({})", shape_.in,
         fmt::join(x.sizes(), ", "));
  }
  input_ = x;
  return convolution_product(x, weight_.value, {shape_.stride, shape_.padding});
}

torch::Tensor Convolution::backward(const torch::Tensor& output_gradient,
                                    const BackwardRequest& request) {
  if (request.observer != nullptr) request.observer->on_layer(*this, output_gradient);
  if (!request.input_gradient && !request.parameter_gradients) return {};
  return convolution_gradients(output_gradient, input_, weight_.value,
                               {shape_.stride, shape_.padding}, request.input_gradient,
                               request.parameter_gradients ? &weight_.gradient : nullptr);
}

}  // namespace expunge
