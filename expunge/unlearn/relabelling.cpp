#include "expunge/unlearn/relabelling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "expunge/train/loss.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge {

void RelabellingOptions::validate() const {
  stepping.validate();
  require_option(saliency_share > 0 && saliency_share <= 1, "saliency_share", "a share in (0, 1]",
                 saliency_share);
  require_option(retain_share >= 0 && retain_share <= 1, "retain_share", "a share in [0, 1]",
                 retain_share);
}

OptionGroup options_of(RelabellingOptions& o) {
  OptionGroup group("relabelling", "Wrong labels on the forget set");
  group.include(options_of(o.stepping))
      .add("saliency_share", o.saliency_share,
           "share of the parameters that may move; 1: all (random labels)")
      .add("retain_share", o.retain_share, "share of the retained examples seen in an epoch");
  return group;
}

torch::Tensor salient(const torch::Tensor& gradient, double share) {
  const auto size = gradient.abs().to(torch::kCPU, torch::kFloat64).contiguous();
  const auto* sizes = size.data_ptr<double>();
  std::vector<int64_t> order(static_cast<size_t>(size.numel()));
  std::iota(order.begin(), order.end(), 0);
  const auto kept = std::max<int64_t>(1, std::llround(share * static_cast<double>(order.size())));
  std::nth_element(
      order.begin(), order.begin() + (kept - 1), order.end(),
      [&](int64_t a, int64_t b) { return sizes[a] != sizes[b] ? sizes[a] > sizes[b] : a < b; });
  auto mask = torch::zeros({size.numel()}, torch::kBool);
  auto* marked = mask.data_ptr<bool>();
  for (int64_t k = 0; k < kept; ++k) marked[order[static_cast<size_t>(k)]] = true;
  return mask;
}

Relabelling::Relabelling(const RelabellingOptions& options) : options_(options) {
  options_.validate();
}

UnlearnSummary Relabelling::unlearn(Network& network, const UnlearnTask& task) const {
  check_forget(task);
  const auto& problem = task.problem;
  const auto retained = retained_examples(task);
  GradientPasses passes(network, task, options_.stepping);

  auto labels = problem.training.labels.clone();
  CounterRng label_rng(derive_seed(task.seed, "random labels", 0));
  for (const int64_t i : task.forget) {
    const auto others = static_cast<uint64_t>(problem.shape.classes - 1);
    const int64_t drawn = static_cast<int64_t>(label_rng.below(others));
    labels[i] = drawn < labels[i].item<int64_t>() ? drawn : drawn + 1;
  }

  torch::Tensor frozen;  // (p) bool, and the full model's parameters there
  torch::Tensor original;
  if (options_.saliency_share < 1) {
    const auto inputs =
        rows(problem.training.inputs, task.forget).to(network.parameters().scalar_type());
    const auto logits = network.forward(inputs, Mode::eval);
    auto gradient = torch::empty_like(logits);
    cross_entropy(logits, rows(problem.training.labels, task.forget), gradient);
    network.backward(gradient);
    passes.count(static_cast<double>(task.forget.size()));
    frozen = salient(network.gradient(), options_.saliency_share)
                 .logical_not()
                 .to(network.gradient().device());
    original = network.parameters().clone();
  }
  const auto keep_frozen = [&](torch::Tensor& parameters) {
    if (frozen.defined()) parameters.copy_(torch::where(frozen, original, parameters));
  };
  const auto loss = [&](const GradientPasses::Batch& batch, torch::Tensor& gradient) {
    return cross_entropy(batch.logits, rows(labels, batch.members), gradient);
  };

  CounterRng draw_rng(derive_seed(task.seed, "retained examples", 0));
  const auto drawn_of_retained =
      std::llround(options_.retain_share * static_cast<double>(retained.size()));
  for (int64_t epoch = 0; epoch < options_.stepping.epochs; ++epoch) {
    auto points = draw(retained, drawn_of_retained, draw_rng);
    points.insert(points.end(), task.forget.begin(), task.forget.end());
    passes.run(points, options_.stepping.batch_size, loss, keep_frozen);
  }
  return passes.summary();
}

}  // namespace expunge
