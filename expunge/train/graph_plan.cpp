#if EXPUNGE_HAS_CUDA
#include "expunge/train/graph_plan.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace expunge {

ResidentData TrainingPlan::resident(const TrainingData& data) const {
  const auto dtype = half_ ? torch::kBFloat16 : torch::kFloat32;
  const auto& inputs = data.inputs;
  const int64_t n = inputs.size(0);
  ResidentData result;
  result.labels = data.labels.to(torch::kInt32).to(inputs.device());
  if (input_ == PlanInput::flat) {
    result.rows = inputs.contiguous().view({n, -1}).to(dtype);
  } else if (input_ == PlanInput::patches) {
    result.rows = inputs.permute({0, 2, 3, 1}).contiguous().view({n, -1}).to(dtype);
  } else {
    auto rows = at::zeros({n, shape_.height, shape_.width, padded_to_8(shape_.channels)},
                          inputs.options().dtype(dtype));
    rows.narrow(3, 0, shape_.channels).copy_(inputs.permute({0, 2, 3, 1}));
    result.rows = rows.view({n, -1});
  }
  return result;
}

torch::Tensor TrainingPlan::make_batch(const ResidentData& data, int64_t batch) const {
  if (input_ == PlanInput::patches)
    return at::zeros({batch * patches_.positions(), patches_.columns}, data.rows.options());
  return at::zeros({batch, data.rows.size(1)}, data.rows.options());
}

torch::Tensor TrainingPlan::inputs_of(const torch::Tensor& batch, int64_t size) const {
  if (input_ == PlanInput::patches) return batch.narrow(0, 0, size * patches_.positions());
  const auto rows = batch.narrow(0, 0, size);
  if (input_ == PlanInput::flat) return rows;
  return rows.view({size, shape_.height, shape_.width, padded_to_8(shape_.channels)})
      .permute({0, 3, 1, 2});
}

torch::Tensor PlanMemory::rounded(const FlatTensor& of) const {
  const auto values = (half ? low : parameters).narrow(0, of.at, of.count);
  if (of.columns > 0) return values.view({of.shape[0], of.columns});
  if (of.padded_in == 0) return values.view(of.shape);
  return values.view({of.shape[0], of.shape[2], of.shape[3], of.padded_in}).permute({0, 3, 1, 2});
}

TrainingPlan::TrainingPlan() = default;
TrainingPlan::~TrainingPlan() = default;

void TrainingPlan::allocate(torch::Device device) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat32).device(device);
  memory.kernels = &CudaKernels::of(device);
  memory.half = half_;
  memory.parameters = at::zeros({parameters_}, options);
  memory.gradient = at::zeros({direct_}, options);
  if (half_) memory.low = at::zeros({parameters_}, options.dtype(torch::kBFloat16));
  memory.running = at::zeros({running_}, options);
  memory.norms = at::zeros({6 * norm_channels_}, options);
  memory.partial = at::zeros({memory.kernels->processors() * 2 * most_channels_}, options);
  memory.progress = at::zeros({3}, options.dtype(torch::kInt32));
}

void TrainingPlan::load(const Network& network) {
  const auto state = network.state();
  for (const auto& tensor : tensors_) {
    const auto& from = state[tensor.state].second;
    auto to = memory.parameters.narrow(0, tensor.at, tensor.count);
    if (tensor.columns > 0) {
      const auto rows = from.permute({0, 2, 3, 1}).reshape({tensor.shape[0], -1});
      to.view({tensor.shape[0], tensor.columns}).narrow(1, 0, rows.size(1)).copy_(rows);
      continue;
    }
    if (tensor.padded_in == 0) {
      to.copy_(from.flatten());
      continue;
    }
    const auto& s = tensor.shape;
    to.view({s[0], s[2], s[3], tensor.padded_in})
        .narrow(3, 0, s[1])
        .copy_(from.permute({0, 2, 3, 1}));
  }
  for (const auto& buffer : buffers_)
    memory.running.narrow(0, buffer.at, buffer.count).copy_(state[buffer.state].second);
  if (half_) memory.low.copy_(memory.parameters);
}

void TrainingPlan::store(Network& network) const {
  const auto state = network.state();
  for (const auto& tensor : tensors_) {
    const auto from = memory.parameters.narrow(0, tensor.at, tensor.count);
    const auto& to = state[tensor.state].second;
    if (tensor.columns > 0) {
      const auto& s = tensor.shape;
      to.copy_(from.view({s[0], tensor.columns})
                   .narrow(1, 0, s[1] * s[2] * s[3])
                   .reshape({s[0], s[2], s[3], s[1]})
                   .permute({0, 3, 1, 2}));
      continue;
    }
    if (tensor.padded_in == 0) {
      to.copy_(from.view(tensor.shape));
      continue;
    }
    const auto& s = tensor.shape;
    to.copy_(
        from.view({s[0], s[2], s[3], tensor.padded_in}).narrow(3, 0, s[1]).permute({0, 3, 1, 2}));
  }
  for (const auto& buffer : buffers_)
    state[buffer.state].second.copy_(memory.running.narrow(0, buffer.at, buffer.count));
}

void TrainingPlan::run(const torch::Tensor& inputs, const torch::Tensor& labels,
                       int step_of_graph) {
  torch::Tensor value = inputs;
  for (const auto& step : steps_) value = step->forward(value, {});

  auto& head = *head_;
  head.features = value;
  const bool rounded = value.scalar_type() == torch::kBFloat16;
  const int samples = static_cast<int>(value.size(0));
  const int width = static_cast<int>(value.size(1));
  const int classes = static_cast<int>(head.weight.shape[0]);
  head.feature_gradient = at::empty_like(value);
  head.logit_gradient = at::empty({samples, classes}, value.options().dtype(torch::kFloat32));
  auto* parameters = memory.parameters.data_ptr<float>();
  auto* gradient = memory.gradient.data_ptr<float>();
  float* bias = head.has_bias ? parameters + head.bias.at : nullptr;
  float* bias_gradient = head.has_bias ? gradient + head.bias.at : nullptr;
  const std::string type = rounded ? "_half" : "_float";
  memory.kernels->launch("head" + type, {(samples + 3) / 4, 1, 128, 1, 0}, value.data_ptr(),
                         labels.data_ptr(), parameters + head.weight.at, bias, samples, width,
                         classes, head.factor, head.feature_gradient.data_ptr(),
                         head.logit_gradient.data_ptr(), memory.progress.data_ptr(), step_of_graph);
  memory.kernels->launch("head_gradient" + type, {(width + 31) / 32, classes, 32, 8, 0},
                         value.data_ptr(), head.logit_gradient.data_ptr(),
                         gradient + head.weight.at, bias_gradient, samples, width, classes);

  gradients_.clear();
  Above above{head.feature_gradient, {}};
  for (size_t i = steps_.size(); i-- > 0;) above = steps_[i]->backward(above, i > 0, gradients_);
}

void TrainingPlan::forget() {
  for (const auto& step : steps_) step->forget();
  gradients_.clear();
  head_->features = torch::Tensor();
  head_->feature_gradient = torch::Tensor();
  head_->logit_gradient = torch::Tensor();
}

}  // namespace expunge
#endif
