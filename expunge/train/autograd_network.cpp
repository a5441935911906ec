#include "expunge/train/autograd_network.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include "expunge/core/error.h"

namespace expunge {
namespace {

int64_t count_of(const NamedTensors& trained) {
  if (trained.empty())
    fail<InputError>("network: at least one parameter that is trained required, got none");
  const auto& first = trained.front().second;
  if (!first.is_floating_point()) {
    fail<InputError>("network: parameters of floating dtype required, \"{}\" is {}",
                     trained.front().first, toString(first.scalar_type()));
  }
  int64_t count = 0;
  for (const auto& [name, tensor] : trained) {
    if (tensor.scalar_type() != first.scalar_type() || tensor.device() != first.device()) {
      fail<InputError>(
          "network: all trained parameters of one dtype and device required, \"{}\" is {} on {} "
          "and \"{}\" {} "
          "on {}",
          trained.front().first, toString(first.scalar_type()), first.device().str(), name,
          toString(tensor.scalar_type()), tensor.device().str());
    }
    count += tensor.numel();
  }
  return count;
}

torch::Tensor flat_vector(const NamedTensors& trained) {
  const int64_t count = count_of(trained);
  return at::zeros({count}, trained.front().second.options().requires_grad(false));
}

}  // namespace

AutogradNetwork::AutogradNetwork(const NamedTensors& trained)
    : parameters_(flat_vector(trained)), gradient_(at::zeros_like(parameters_)) {
  int64_t at = 0;
  for (const auto& [name, tensor] : trained) {
    const auto view = parameters_.narrow(0, at, tensor.numel()).view(tensor.sizes());
    view.copy_(tensor.detach());
    trained_.push_back(tensor);
    trained_.back().set_data(view);
    at += tensor.numel();
  }
}

void AutogradNetwork::detach_parameters() {
  recorded_.reset();
  for (auto& tensor : trained_) tensor.set_data(tensor.detach().clone());
}

torch::Tensor AutogradNetwork::logits_of(const torch::Tensor& x, Mode mode) {
  const auto logits = call(x.to(parameters_.device()), mode);
  if (logits.dim() != 2 || logits.size(0) != x.size(0) ||
      logits.scalar_type() != parameters_.scalar_type()) {
    fail<InputError>("network: logits ({}, classes) of {} required, got ({}) of {}", x.size(0),
                     toString(parameters_.scalar_type()), fmt::join(logits.sizes(), ", "),
                     toString(logits.scalar_type()));
  }
  return logits;
}

torch::Tensor AutogradNetwork::forward(const torch::Tensor& x, Mode mode) {
  recorded_.reset();
  input_ = x;
  const c10::AutoGradMode recording(mode == Mode::train);
  const auto logits = logits_of(x, mode);
  if (mode == Mode::train) recorded_ = logits;
  return logits.detach();
}

void AutogradNetwork::backward(const torch::Tensor& logit_gradient) {
  const c10::AutoGradMode recording(true);
  if (!recorded_.defined()) recorded_ = logits_of(input_, Mode::eval);
  const auto gradients =
      torch::autograd::grad({recorded_}, trained_, {logit_gradient}, /*retain_graph=*/true,
                            /*create_graph=*/false, /*allow_unused=*/true);
  const c10::AutoGradMode quiet(false);
  int64_t at = 0;
  for (size_t i = 0; i < trained_.size(); ++i) {
    auto part = gradient_.narrow(0, at, trained_[i].numel());
    if (gradients[i].defined()) {
      part.copy_(gradients[i].reshape(-1));
    } else {
      part.zero_();  // a parameter that the logits do not depend on
    }
    at += trained_[i].numel();
  }
}

}  // namespace expunge
