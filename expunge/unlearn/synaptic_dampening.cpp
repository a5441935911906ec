#include "expunge/unlearn/synaptic_dampening.h"

#include <cmath>

#include "expunge/train/loss.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge {

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
  const auto dtype = network.parameters().scalar_type();
  auto sum = torch::zeros({network.parameters().numel()}, torch::kFloat64);
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
