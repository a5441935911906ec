// Two-dimensional convolution without bias (every one here is followed by a BatchNorm).
#pragma once

#include "expunge/train/layer.h"

namespace expunge {

struct ConvolutionShape {
  int64_t in = 0;       // channels
  int64_t out = 0;      // channels
  int64_t kernel = 3;   // pixels, square
  int64_t stride = 1;   // pixels
  int64_t padding = 0;  // pixels of zeros on each side
};

/// x (B, in, H, W), channels last in memory -> (B, out, H', W'); weight (out, in, kernel, kernel)
/// from Uniform(-b, b), b = 1/sqrt(in kernel^2), as PyTorch's. Computed by core/convolution_product.h.
class Convolution final : public Layer {
 public:
  explicit Convolution(const ConvolutionShape& shape);

  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;
  [[nodiscard]] torch::Tensor input() const override { return input_; }
  [[nodiscard]] std::vector<Parameter*> parameters() override { return {&weight_}; }
  [[nodiscard]] const ConvolutionShape& shape() const { return shape_; }

 private:
  ConvolutionShape shape_;
  Parameter weight_;
  torch::Tensor input_;
};

}  // namespace expunge
