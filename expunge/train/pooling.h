// Layers that shrink images to fewer pixels.
#pragma once

#include "expunge/train/layer.h"

namespace expunge {

struct PoolShape {
  int64_t size = 2;     // pixels, square
  int64_t stride = 2;   // pixels
  int64_t padding = 0;  // pixels on each side, which are never the largest
};

/// Largest value of each window.
class MaxPool final : public Layer {
 public:
  explicit MaxPool(const PoolShape& shape) : shape_(shape) {}
  [[nodiscard]] const PoolShape& shape() const { return shape_; }
  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;

 private:
  PoolShape shape_;
  torch::Tensor input_;
  torch::Tensor indices_;
};

/// Largest value of each channel: (B, channels, H, W) -> (B, channels).
class GlobalMaxPool final : public Layer {
 public:
  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;

 private:
  torch::Tensor input_;
  torch::Tensor indices_;
};

/// Mean of each channel: (B, channels, H, W) -> (B, channels).
class GlobalMeanPool final : public Layer {
 public:
  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;

 private:
  std::vector<int64_t> input_shape_;
};

}  // namespace expunge
