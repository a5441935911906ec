#include "expunge/unlearn/kernel_matching.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/linalg_cholesky_ex.h>

#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/gradients/jacobian_gram.h"
#include "expunge/unlearn/matching_task.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge::matching {
namespace {

// (K + damp mean(diag K) I)^-1 r in float64: K's condition number reaches P C / damp.
torch::Tensor damped_solve(const torch::Tensor& gram, const torch::Tensor& residual, double damp) {
  auto system = gram.to(torch::kFloat64);
  auto diagonal = system.diagonal();
  diagonal += damp * diagonal.mean().item<double>();
  const BlasTurn turn;
  const auto [factor, info] = at::linalg_cholesky_ex(system);
  if (info.item<int>() != 0)
    fail<NonFiniteError>("kernel matching: the damped kernel is not positive definite");
  return at::cholesky_solve(residual.to(torch::kFloat64).reshape({-1, 1}), factor)
      .view(residual.sizes());
}

}  // namespace

UnlearnSummary match_by_kernel(Network& network, const UnlearnTask& task,
                               const KernelMatchingOptions& options, RetainTargets retain_targets) {
  const auto forget = static_cast<int64_t>(task.forget.size());
  const auto by_rule = default_matching(forget, task.problem.n());
  const int64_t steps = options.steps > 0 ? options.steps : by_rule.steps;
  const int64_t retain_points =
      options.retain_points > 0 ? options.retain_points : by_rule.retain_points;

  const auto retained = retained_examples(task);
  CounterRng rng(derive_seed(task.seed, "retained examples", 0));
  const auto dtype = network.parameters().scalar_type();
  const auto targets = task.targets.to(dtype);
  // Of the full model, for the retained examples of later steps.
  const auto original =
      steps > 1 && retain_targets == RetainTargets::own ? network.clone() : nullptr;

  UnlearnSummary summary;
  for (int64_t step = 0; step < steps; ++step) {
    std::vector<int64_t> points(task.forget.begin(), task.forget.end());
    const auto drawn = draw(retained, retain_points, rng);
    points.insert(points.end(), drawn.begin(), drawn.end());
    const auto inputs =
        rows(task.problem.inputs, points).to(dtype).contiguous(at::MemoryFormat::ChannelsLast);

    const auto [gram, logits] = jacobian_gram(network, inputs);
    auto wanted = rows(targets, points);
    if (retain_targets == RetainTargets::own) {
      const auto retain_rows = wanted.narrow(0, forget, wanted.size(0) - forget);
      if (step == 0) {
        retain_rows.copy_(logits.narrow(0, forget, retain_rows.size(0)));
      } else {
        retain_rows.copy_(
            original->forward(inputs.narrow(0, forget, retain_rows.size(0)), Mode::eval));
        summary.sample_gradients += static_cast<double>(retain_rows.size(0)) / 3;
      }
    }
    const auto residual = wanted - logits;
    if (step == 0) summary.forget_error_before = forget_error(logits.narrow(0, 0, forget), task);

    const auto coefficients = damped_solve(gram, residual, options.damp).to(dtype);
    auto parameters = network.parameters();
    parameters += jacobian_transposed_times(network, inputs, coefficients);
    if (!torch::isfinite(parameters).all().item<bool>()) {
      fail<NonFiniteError>("kernel matching: parameters are not finite after step {} of {}",
                           step + 1, steps);
    }
    // Forward, C backward passes for the kernel, and a forward and a backward pass for the step.
    const auto samples = static_cast<double>(points.size());
    summary.sample_gradients +=
        samples * (1.0 / 3 + static_cast<double>(logits.size(1)) * 2 / 3 + 1);
    if (task.after_pass) task.after_pass(network, summary.sample_gradients);
  }
  const auto after = network.forward(rows(task.problem.inputs, task.forget).to(dtype), Mode::eval);
  summary.forget_error_after = forget_error(after, task);
  return summary;
}

}  // namespace expunge::matching
