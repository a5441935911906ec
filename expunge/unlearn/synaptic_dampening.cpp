#include "expunge/unlearn/synaptic_dampening.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <cmath>

#include "expunge/core/gemm.h"
#include "expunge/train/linear.h"
#include "expunge/train/loss.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge {
namespace {

// Sums over a batch of the squared gradients of linear layers.
class LinearSquares final : public BackwardObserver {
 public:
  void on_layer(Layer& layer, const torch::Tensor& output_gradient) override {
    const auto* linear = dynamic_cast<const Linear*>(&layer);
    if (linear == nullptr) return;
    const auto g = output_gradient.square();
    auto weight = torch::empty({g.size(1), linear->input().size(1)}, g.options());
    gemm(g, true, linear->input().square(), false, weight);
    if (linear->has_bias()) parts_.push_back(g.sum(0).to(torch::kFloat64));
    parts_.push_back(weight.flatten().to(torch::kFloat64));
  }
  // In the order of the parameters: layers come last first, and each one's bias before its weight.
  [[nodiscard]] torch::Tensor flat() const {
    std::vector<torch::Tensor> forward(parts_.rbegin(), parts_.rend());
    return forward.empty() ? torch::empty({0}, torch::kFloat64) : at::cat(forward);
  }

 private:
  std::vector<torch::Tensor> parts_;
};

}  // namespace

void SynapticDampeningOptions::validate() const {
  require_option(alpha > 0 && std::isfinite(alpha), "alpha", "a number above 0", alpha);
  require_option(lambda > 0 && std::isfinite(lambda), "lambda", "a number above 0", lambda);
}

OptionGroup options_of(SynapticDampeningOptions& o) {
  OptionGroup group("ssd", "Selective synaptic dampening");
  group
      .add("alpha", o.alpha,
           "a parameter is dampened where its importance on the forget set is more than this "
           "multiple of its importance on all of S")
      .add("lambda", o.lambda, "how far: to lambda times the ratio of the importances, at most 1");
  return group;
}

torch::Tensor squared_gradients(Network& network, const TrainingData& data,
                                std::span<const int64_t> members) {
  auto* layered = dynamic_cast<LayeredNetwork*>(&network);
  if (layered == nullptr) return squared_gradients_one_by_one(network, data, members);
  const auto dtype = network.parameters().scalar_type();
  auto sum = torch::zeros({network.parameters().numel()},
                          network.parameters().options().dtype(torch::kFloat64));
  constexpr size_t batch = 256;
  torch::Tensor inputs;
  torch::Tensor labels;
  torch::Tensor gradient;
  for (size_t begin = 0; begin < members.size(); begin += batch) {
    const auto part = members.subspan(begin, std::min(batch, members.size() - begin));
    gather_rows(data.inputs, part, inputs);
    gather_rows(data.labels, part, labels);
    const auto logits = layered->forward(inputs.to(dtype), Mode::eval);
    gradient = torch::empty_like(logits);
    cross_entropy(logits, labels, gradient);
    gradient *= static_cast<double>(part.size());  // each example's own, not that of their mean
    LinearSquares squares;
    layered->backward(
        gradient, {.input_gradient = false, .parameter_gradients = false, .observer = &squares});
    const auto of_batch = squares.flat();
    if (of_batch.numel() != sum.numel())
      return squared_gradients_one_by_one(network, data, members);
    sum += of_batch;
  }
  return sum;
}

torch::Tensor squared_gradients_one_by_one(Network& network, const TrainingData& data,
                                           std::span<const int64_t> members) {
  const auto dtype = network.parameters().scalar_type();
  auto sum = torch::zeros({network.parameters().numel()},
                          network.parameters().options().dtype(torch::kFloat64));
  torch::Tensor input;
  torch::Tensor gradient;
  for (const int64_t i : members) {
    gather_rows(data.inputs, {&i, 1}, input);
    const auto logits = network.forward(input.to(dtype), Mode::eval);
    gradient = torch::empty_like(logits);
    cross_entropy(logits, data.labels.narrow(0, i, 1), gradient);
    network.backward(gradient);
    const auto g = network.gradient().to(torch::kFloat64);
    sum.addcmul_(g, g);
  }
  return sum;
}

SynapticDampening::SynapticDampening(const SynapticDampeningOptions& options) : options_(options) {
  options_.validate();
}

UnlearnSummary SynapticDampening::unlearn(Network& network, const UnlearnTask& task) const {
  check_forget(task);
  const auto& data = task.problem.training;
  const auto n = static_cast<double>(task.problem.n());
  const auto forget = static_cast<double>(task.forget.size());
  const auto on_forget = squared_gradients(network, data, task.forget);
  const auto on_all = (on_forget + squared_gradients(network, data, retained_examples(task))) / n;
  const auto ratio = on_all / (on_forget / forget);  // NaN where both are 0: left as it is
  const auto factor = torch::where(ratio < 1 / options_.alpha,
                                   (options_.lambda * ratio).clamp_max(1), torch::ones_like(ratio));
  auto parameters = network.parameters();
  parameters.mul_(factor.to(parameters.scalar_type()));
  UnlearnSummary summary;
  summary.sample_gradients = n;
  if (task.after_pass) task.after_pass(network, summary.sample_gradients);
  return summary;
}

}  // namespace expunge
