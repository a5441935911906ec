#include "expunge/train/batch_norm.h"

#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>

#include "expunge/core/error.h"

namespace expunge {

BatchNorm::BatchNorm(int64_t channels) {
  weight_ = {"weight", {channels}, 0, 1, {}, {}};
  bias_ = {"bias", {channels}, 0, 0, {}, {}};
  running_mean_ = {"running_mean", {channels}, 0, {}};
  running_var_ = {"running_var", {channels}, 1, {}};
}

torch::Tensor BatchNorm::forward(const torch::Tensor& x, Mode mode) {
  if (x.dim() != 4 || x.size(1) != weight_.shape[0]) {
    fail("batch normalisation: input (B, {}, H, W) required, got ({})", weight_.shape[0],
         fmt::join(x.sizes(), ", "));
  }
  input_ = x;
  mode_ = mode;
  auto [output, mean, inverse_std] =
      at::native_batch_norm(x, weight_.value, bias_.value, running_mean_.value, running_var_.value,
                            mode == Mode::train, momentum, epsilon);
  batch_mean_ = mean;
  batch_inverse_std_ = inverse_std;
  return output;
}

torch::Tensor BatchNorm::backward(const torch::Tensor& output_gradient,
                                  const BackwardRequest& request) {
  if (request.observer != nullptr) request.observer->on_layer(*this, output_gradient);
  if (!request.input_gradient && !request.parameter_gradients) return {};
  const auto [input_gradient, weight_gradient, bias_gradient] = at::native_batch_norm_backward(
      output_gradient, input_, weight_.value, running_mean_.value, running_var_.value, batch_mean_,
      batch_inverse_std_, mode_ == Mode::train, epsilon,
      {request.input_gradient, request.parameter_gradients, request.parameter_gradients});
  if (request.parameter_gradients) {
    weight_.gradient.copy_(weight_gradient);
    bias_.gradient.copy_(bias_gradient);
  }
  return input_gradient;
}

torch::Tensor BatchNorm::normalised_input() const {
  const auto per_channel = [](const torch::Tensor& v) { return v.view({1, -1, 1, 1}); };
  return (input_ - per_channel(running_mean_.value)) /
         (per_channel(running_var_.value) + epsilon).sqrt();
}

}  // namespace expunge
