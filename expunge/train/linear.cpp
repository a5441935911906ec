#include "expunge/train/linear.h"

#include <ATen/ops/sum.h>

#include <cmath>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"

namespace expunge {
namespace {

void reuse(torch::Tensor& buffer, int64_t rows, int64_t columns, const torch::Tensor& like) {
  if (!buffer.defined() || buffer.size(0) != rows)
    buffer = torch::empty({rows, columns}, like.options());
}

}  // namespace

Linear::Linear(int64_t in, int64_t out, bool bias) : has_bias_(bias) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));
  weight_ = {"weight", {out, in}, bound, 0, {}, {}};
  bias_ = {"bias", {out}, bound, 0, {}, {}};
}

std::vector<Parameter*> Linear::parameters() {
  if (has_bias_) return {&weight_, &bias_};
  return {&weight_};
}

torch::Tensor Linear::forward(const torch::Tensor& x, Mode /*mode*/) {
  if (x.dim() != 2 || x.size(1) != weight_.shape[1]) {
    fail("linear layer: input (B, {}) required, got ({})", weight_.shape[1],
         fmt::join(x.sizes(), ", "));
  }
  input_ = x;
  reuse(output_, x.size(0), weight_.shape[0], x);
  if (has_bias_) {
    output_.copy_(bias_.value.expand_as(output_));
    gemm(x, false, weight_.value, true, output_, 1, 1);
  } else {
    gemm(x, false, weight_.value, true, output_);
  }
  return output_;
}

torch::Tensor Linear::backward(const torch::Tensor& output_gradient,
                               const BackwardRequest& request) {
  if (request.observer != nullptr) request.observer->on_layer(*this, output_gradient);
  if (request.parameter_gradients) {
    gemm(output_gradient, true, input_, false, weight_.gradient);
    if (has_bias_) at::sum_out(bias_.gradient, output_gradient, 0);
  }
  if (!request.input_gradient) return {};
  reuse(input_gradient_, input_.size(0), input_.size(1), input_);
  gemm(output_gradient, false, weight_.value, false, input_gradient_);
  return input_gradient_;
}

}  // namespace expunge
