// Batch normalisation over channels (Ioffe and Szegedy, arXiv 1502.03167).
#pragma once

#include "expunge/train/layer.h"

namespace expunge {

/// x (B, channels, H, W) -> same shape. Mode::train normalises by the batch and moves the running
/// statistics by `momentum`; Mode::eval normalises by the running statistics, so that each sample's
/// output depends on that sample alone. weight, bias, running_mean, running_var: (channels).
class BatchNorm final : public Layer {
 public:
  explicit BatchNorm(int64_t channels);

  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;
  [[nodiscard]] torch::Tensor input() const override { return input_; }
  [[nodiscard]] std::vector<Parameter*> parameters() override { return {&weight_, &bias_}; }
  [[nodiscard]] std::vector<Buffer*> buffers() override { return {&running_mean_, &running_var_}; }
  /// The last input, normalised by the running statistics: what `weight` multiplies in Mode::eval.
  [[nodiscard]] torch::Tensor normalised_input() const;

  static constexpr double momentum = 0.1;
  static constexpr double epsilon = 1e-5;

 private:
  Parameter weight_;
  Parameter bias_;
  Buffer running_mean_;
  Buffer running_var_;
  torch::Tensor input_;
  torch::Tensor batch_mean_;
  torch::Tensor batch_inverse_std_;
  Mode mode_ = Mode::eval;
};

}  // namespace expunge
