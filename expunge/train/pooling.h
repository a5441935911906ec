// Layers that shrink images to fewer pixels.
#pragma once

#include "expunge/train/layer.h"

namespace expunge {

/// Largest value of each window of size x size pixels, windows side by side.
class MaxPool final : public Layer {
 public:
  explicit MaxPool(int64_t size) : size_(size) {}
  [[nodiscard]] int64_t size() const { return size_; }
  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;

 private:
  int64_t size_;
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
