// Layers without parameters that act on each number by itself, or on the shape alone.
#pragma once

#include "expunge/train/layer.h"

namespace expunge {

/// max(x, 0), in place.
class Relu final : public Layer {
 public:
  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;

 private:
  torch::Tensor output_;
};

/// (B, ...) -> (B, features).
class Flatten final : public Layer {
 public:
  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;

 private:
  std::vector<int64_t> input_shape_;
};

/// factor x.
class Scale final : public Layer {
 public:
  explicit Scale(double factor) : factor_(factor) {}
  [[nodiscard]] double factor() const { return factor_; }
  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;

 private:
  double factor_;
};

}  // namespace expunge
