#include "expunge/train/network.h"

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/core/kept_memory.h"
#include "expunge/core/random.h"

namespace expunge {
namespace {

int64_t element_count(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

struct NamedLayer {
  std::string prefix;
  Layer* layer;
};

// All layers in the order in which they are reached, each with the prefix of its names.
void collect_layers(const std::string& prefix, Layer* layer, std::vector<NamedLayer>& out) {
  out.push_back({prefix, layer});
  for (const auto& [name, child] : layer->children()) {
    collect_layers(prefix.empty() ? name : fmt::format("{}.{}", prefix, name), child, out);
  }
}

// What `evaluate` makes of the inputs, batch by batch, (n, d).
torch::Tensor in_batches(const char* what, const torch::Tensor& inputs, int64_t batch,
                         const std::function<torch::Tensor(const torch::Tensor&)>& evaluate) {
  const KeptMemory memory;
  torch::Tensor all;
  if (!inputs.is_cpu()) batch = std::max<int64_t>(batch, 1000);
  for (int64_t begin = 0; begin < inputs.size(0); begin += batch) {
    const auto part = evaluate(inputs.narrow(0, begin, std::min(batch, inputs.size(0) - begin)));
    if (!all.defined()) all = torch::empty({inputs.size(0), part.size(1)}, part.options());
    all.narrow(0, begin, part.size(0)).copy_(part);
  }
  all = all.cpu();
  const auto finite = torch::isfinite(all);
  if (!finite.all().item<bool>()) {
    const auto row = torch::logical_not(finite.all(1)).nonzero()[0][0].item<int64_t>();
    fail<NonFiniteError>("{} of input {} are not finite", what, row);
  }
  return all;
}

}  // namespace

std::unique_ptr<Network> Network::copy_on(torch::Device device) const {
  fail("a network that can be moved to {} required, this one cannot", device.str());
}

LayeredNetwork& require_layers(Network& network, const std::string& what) {
  if (auto* layered = dynamic_cast<LayeredNetwork*>(&network)) return *layered;
  fail<InputError>(
      "{}: a network whose layers are known (mlp, convnet, resnet9, resnet18) required, got "
      "another one",
      what);
}

LayeredNetwork::LayeredNetwork(std::function<std::unique_ptr<Layer>()> build,
                               torch::ScalarType dtype, torch::Device device)
    : build_(std::move(build)), root_(build_()) {
  std::vector<NamedLayer> layers;
  collect_layers("", root_.get(), layers);
  int64_t parameter_count = 0;
  int64_t buffer_count = 0;
  for (const auto& [prefix, layer] : layers) {
    for (const auto* p : layer->parameters()) parameter_count += element_count(p->shape);
    for (const auto* b : layer->buffers()) buffer_count += element_count(b->shape);
  }
  const auto options = torch::TensorOptions().dtype(dtype).device(device);
  parameters_ = torch::zeros({parameter_count}, options);
  gradient_ = torch::zeros({parameter_count}, options);
  buffers_ = torch::zeros({buffer_count}, options);

  int64_t parameter_at = 0;
  int64_t buffer_at = 0;
  for (const auto& [prefix, layer] : layers) {
    const std::string dot = prefix.empty() ? "" : prefix + ".";
    if (!layer->parameters().empty()) last_learning_ = layer;
    for (auto* p : layer->parameters()) {
      const int64_t count = element_count(p->shape);
      p->value = parameters_.narrow(0, parameter_at, count).view(p->shape);
      p->gradient = gradient_.narrow(0, parameter_at, count).view(p->shape);
      p->value.fill_(p->initial_value);
      parameter_at += count;
      trained_.push_back(p);
      state_.emplace_back(dot + p->name, p->value);
    }
    for (auto* b : layer->buffers()) {
      const int64_t count = element_count(b->shape);
      b->value = buffers_.narrow(0, buffer_at, count).view(b->shape);
      b->value.fill_(b->initial_value);
      buffer_at += count;
      state_.emplace_back(dot + b->name, b->value);
    }
  }
}

torch::Tensor LayeredNetwork::forward(const torch::Tensor& x, Mode mode) {
  return root_->forward(x, mode);
}

torch::Tensor LayeredNetwork::features(const torch::Tensor& x) {
  if (last_learning_ == nullptr) fail("features: a network with parameters required");
  root_->forward(x, Mode::eval);
  return last_learning_->input().flatten(1);
}

void LayeredNetwork::backward(const torch::Tensor& logit_gradient) {
  backward(logit_gradient, {.input_gradient = false});
}

void LayeredNetwork::backward(const torch::Tensor& logit_gradient, const BackwardRequest& request) {
  root_->backward(logit_gradient, request);
}

std::unique_ptr<Network> LayeredNetwork::clone() const {
  return copy(parameters_.options());
}

std::unique_ptr<LayeredNetwork> LayeredNetwork::as(torch::ScalarType dtype) const {
  return copy(parameters_.options().dtype(dtype));
}

std::unique_ptr<LayeredNetwork> LayeredNetwork::on(torch::Device device) const {
  return copy(parameters_.options().device(device));
}

std::unique_ptr<LayeredNetwork> LayeredNetwork::copy(const torch::TensorOptions& options) const {
  auto network = std::make_unique<LayeredNetwork>(
      build_, c10::typeMetaToScalarType(options.dtype()), options.device());
  network->parameters_.copy_(parameters_);
  network->buffers_.copy_(buffers_);
  return network;
}

void LayeredNetwork::initialise(uint64_t seed) {
  for (size_t i = 0; i < trained_.size(); ++i) {
    const auto& parameter = *trained_[i];
    if (parameter.initial_bound == 0) {
      parameter.value.fill_(parameter.initial_value);
      continue;
    }
    CounterRng rng(derive_seed(seed, "parameter", i));
    const auto drawn = torch::empty(parameter.shape, torch::kFloat32);
    auto* values = drawn.data_ptr<float>();
    for (int64_t k = 0; k < drawn.numel(); ++k) {
      values[k] = static_cast<float>((2 * rng.uniform() - 1) * parameter.initial_bound);
    }
    parameter.value.copy_(drawn);
  }
}

NamedShapes state_shapes(Layer& root) {
  std::vector<NamedLayer> layers;
  collect_layers("", &root, layers);
  NamedShapes shapes;
  for (const auto& [prefix, layer] : layers) {
    const std::string dot = prefix.empty() ? "" : prefix + ".";
    for (const auto* p : layer->parameters()) shapes.emplace_back(dot + p->name, p->shape);
    for (const auto* b : layer->buffers()) shapes.emplace_back(dot + b->name, b->shape);
  }
  return shapes;
}

void check_state(const NamedShapes& required, const NamedTensors& source,
                 const std::string& where) {
  const auto find = [](const auto& list, const std::string& name) {
    return std::find_if(list.begin(), list.end(), [&](const auto& x) { return x.first == name; });
  };
  for (const auto& [name, value] : source) {
    if (find(required, name) == required.end())
      fail<InputError>("{}: tensor \"{}\" does not belong to this network", where, name);
  }
  for (const auto& [name, shape] : required) {
    const auto found = find(source, name);
    if (found == source.end())
      fail<InputError>("{}: tensor \"{}\" required, not there", where, name);
    if (found->second.sizes() != at::IntArrayRef(shape)) {
      fail<InputError>("{}: tensor \"{}\" of shape ({}) required, got ({})", where, name,
                       fmt::join(shape, ", "), fmt::join(found->second.sizes(), ", "));
    }
  }
}

void load_state(Network& network, const NamedTensors& source, const std::string& where) {
  const auto target = network.state();
  NamedShapes required;
  for (const auto& [name, value] : target) required.emplace_back(name, value.sizes().vec());
  check_state(required, source, where);
  for (const auto& [name, value] : target) {
    const auto found = std::find_if(source.begin(), source.end(),
                                    [&n = name](const auto& s) { return s.first == n; });
    value.copy_(found->second);
  }
}

torch::Tensor evaluate_logits(Network& network, const torch::Tensor& inputs, int64_t batch) {
  return in_batches("logits", inputs, batch,
                    [&](const torch::Tensor& part) { return network.forward(part, Mode::eval); });
}

torch::Tensor evaluate_features(LayeredNetwork& network, const torch::Tensor& inputs,
                                int64_t batch) {
  return in_batches("features", inputs, batch,
                    [&](const torch::Tensor& part) { return network.features(part); });
}

}  // namespace expunge
