// Layers made of layers.
#pragma once

#include <limits>
#include <memory>

#include "expunge/train/layer.h"

namespace expunge {

/// One layer after the other; named "0", "1", ... in weight files, as torch.nn.Sequential names
/// them.
class Sequential : public Layer {
 public:
  /// Adds a layer at the end and returns this, for chaining.
  Sequential& add(std::unique_ptr<Layer> layer);
  template <class L, class... Args>
  Sequential& add(Args&&... args) {
    return add(std::make_unique<L>(std::forward<Args>(args)...));
  }

  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;
  [[nodiscard]] std::vector<std::pair<std::string, Layer*>> children() override;

 private:
  static constexpr size_t none = std::numeric_limits<size_t>::max();

  std::vector<std::unique_ptr<Layer>> layers_;
  size_t first_learning_ = none;  // the first layer that has parameters
};

/// g(x) + f(x), f and g Sequentials whose first layers do not work in place on their input; without a shortcut g(x)
/// is x.
class Residual final : public Layer {
 public:
  explicit Residual(std::unique_ptr<Sequential> inner,
                    std::unique_ptr<Sequential> shortcut = nullptr)
      : inner_(std::move(inner)), shortcut_(std::move(shortcut)) {}
  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override;
  [[nodiscard]] std::vector<std::pair<std::string, Layer*>> children() override;

 private:
  std::unique_ptr<Sequential> inner_, shortcut_;
};

}  // namespace expunge
