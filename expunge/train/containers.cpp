#include "expunge/train/containers.h"

#include <fmt/format.h>

namespace expunge {

namespace {

bool has_parameters(Layer& layer) {
  if (!layer.parameters().empty()) return true;
  for (const auto& [name, child] : layer.children()) {
    if (has_parameters(*child)) return true;
  }
  return false;
}

}  // namespace

Sequential& Sequential::add(std::unique_ptr<Layer> layer) {
  if (first_learning_ == none && has_parameters(*layer)) first_learning_ = layers_.size();
  layers_.push_back(std::move(layer));
  return *this;
}

torch::Tensor Sequential::forward(const torch::Tensor& x, Mode mode) {
  torch::Tensor value = x;
  for (const auto& layer : layers_) value = layer->forward(value, mode);
  return value;
}

torch::Tensor Sequential::backward(const torch::Tensor& output_gradient,
                                   const BackwardRequest& request) {
  torch::Tensor gradient = output_gradient;
  for (size_t i = layers_.size(); i-- > 0;) {
    // Nothing below the first layer that learns asks for a gradient.
    BackwardRequest inner = request;
    inner.input_gradient = request.input_gradient || i > first_learning_;
    gradient = layers_[i]->backward(gradient, inner);
  }
  return gradient;
}

std::vector<std::pair<std::string, Layer*>> Sequential::children() {
  std::vector<std::pair<std::string, Layer*>> named;
  for (size_t i = 0; i < layers_.size(); ++i)
    named.emplace_back(fmt::format("{}", i), layers_[i].get());
  return named;
}

torch::Tensor Residual::forward(const torch::Tensor& x, Mode mode) {
  auto through = inner_->forward(x, mode);
  return (shortcut_ == nullptr ? x : shortcut_->forward(x, mode)) + through;
}

torch::Tensor Residual::backward(const torch::Tensor& output_gradient,
                                 const BackwardRequest& request) {
  const auto through = inner_->backward(output_gradient, request);
  const auto beside =
      shortcut_ == nullptr ? output_gradient : shortcut_->backward(output_gradient, request);
  if (!request.input_gradient) return {};
  return beside + through;
}

std::vector<std::pair<std::string, Layer*>> Residual::children() {
  std::vector<std::pair<std::string, Layer*>> named = {{"inner", inner_.get()}};
  if (shortcut_ != nullptr) named.emplace_back("shortcut", shortcut_.get());
  return named;
}

}  // namespace expunge
