// Fully connected layer: y = x W' + b.
#pragma once

#include "expunge/train/layer.h"

namespace expunge {

/// x (B, in) -> (B, out); weight (out, in), bias (out). Initialised as PyTorch's: weight and bias
/// from Uniform(-1/sqrt(in), 1/sqrt(in)).
class Linear final : public Layer {
 public:
  Linear(int64_t in, int64_t out, bool bias = true);

  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;
  [[nodiscard]] torch::Tensor input() const override { return input_; }
  [[nodiscard]] std::vector<Parameter*> parameters() override;
  [[nodiscard]] bool has_bias() const { return has_bias_; }

 private:
  bool has_bias_;
  Parameter weight_;
  Parameter bias_;
  torch::Tensor input_;
  torch::Tensor output_;
  torch::Tensor input_gradient_;
};

}  // namespace expunge
