#include "expunge/unlearn/kernel_matching.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_cholesky_ex.h>

#include <algorithm>
#include <optional>

#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/gradients/logit_jacobian.h"
#include "expunge/gradients/margin_directions.h"
#include "expunge/unlearn/matching_task.h"
#include "expunge/unlearn/retained_sample.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge::matching {
namespace {

// (K + damp mean(diag K) I)^-1 r in float64: K's condition number reaches rows / damp.
torch::Tensor damped_solve(const torch::Tensor& gram, const torch::Tensor& residual, double damp) {
  auto system = gram.to(torch::kFloat64);
  auto diagonal = system.diagonal();
  diagonal += damp * diagonal.mean().item<double>();
  const BlasTurn turn;
  const auto [factor, info] = at::linalg_cholesky_ex(system);
  if (info.item<int>() != 0)
    fail<NonFiniteError>("kernel matching: the damped kernel is not positive definite");
  return at::cholesky_solve(residual.to(torch::kFloat64).unsqueeze(1), factor)
      .squeeze(1)
      .to(gram.scalar_type());
}

torch::Tensor inputs_of(const UnlearnTask& task, std::span<const int64_t> points,
                        torch::ScalarType dtype) {
  return rows(task.problem.inputs, points).to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
}

// Of the network as it is, from uniform retained examples and a random direction each.
KroneckerCurvature curvature_of(Network& network, const UnlearnTask& task, int64_t points,
                                double damp) {
  CounterRng rng(derive_seed(task.seed, "curvature", 0));
  const auto drawn = draw(retained_examples(task), points, rng);
  const auto dtype = network.parameters().scalar_type();
  auto directions =
      at::empty({static_cast<int64_t>(drawn.size()), task.targets.size(1)}, torch::kFloat64);
  std::generate_n(directions.data_ptr<double>(), directions.numel(), [&] { return rng.normal(); });
  return {network, inputs_of(task, drawn, dtype), directions.to(dtype), damp};
}

// Rows for every sample, and what v . z is short of, in the order of the Jacobian's rows.
torch::Tensor add_rows(LogitJacobian& jacobian, const torch::Tensor& directions,
                       const torch::Tensor& missing) {
  jacobian.add(directions);
  return directions.matmul(missing.unsqueeze(2)).flatten();
}

}  // namespace

UnlearnSummary match_by_kernel(Network& network, const UnlearnTask& task,
                               const KernelMatchingOptions& options, RetainTargets retain_targets) {
  const auto forget = static_cast<int64_t>(task.forget.size());
  const auto by_rule = default_matching(forget, task.problem.n());
  const int64_t steps = options.steps > 0 ? options.steps : by_rule.steps;
  const int64_t retain_points =
      options.retain_points > 0 ? options.retain_points : by_rule.retain_points;
  const auto dtype = network.parameters().scalar_type();
  const auto targets = task.targets.to(dtype);
  const auto forget_inputs = inputs_of(task, task.forget, dtype);
  const auto forget_targets = rows(targets, task.forget);
  // Of the full model, for the retained examples of later steps.
  const auto original =
      steps > 1 && retain_targets == RetainTargets::own ? network.clone() : nullptr;

  UnlearnSummary summary;
  std::optional<KroneckerCurvature> curvature;
  if (options.curvature_points > 0) {
    curvature.emplace(
        curvature_of(network, task, options.curvature_points, options.curvature_damp));
    summary.sample_gradients +=
        static_cast<double>(std::min(options.curvature_points, task.problem.n() - forget));
  }

  CounterRng rng(derive_seed(task.seed, "retained examples", 0));
  for (int64_t step = 0; step < steps; ++step) {
    const auto retained = draw_retained(task, retain_points, rng);
    const auto retained_inputs = inputs_of(task, retained, dtype);
    const auto retain = static_cast<double>(retained.size());

    LogitJacobian jacobian(network, curvature ? &*curvature : nullptr);
    const auto forget_logits = jacobian.forward(forget_inputs);
    const int64_t classes = forget_logits.size(1);
    if (step == 0) summary.forget_error_before = forget_error(forget_logits, task);
    const auto forget_residual =
        add_rows(jacobian, all_logits(forget, classes, forget_logits.options()),
                 forget_targets - forget_logits);

    const auto logits = jacobian.forward(retained_inputs);
    torch::Tensor wanted = logits;
    if (retain_targets == RetainTargets::predicted) {
      wanted = rows(targets, retained);
    } else if (step > 0) {
      wanted = original->forward(retained_inputs, Mode::eval);
      summary.sample_gradients += retain / 3;
    }
    const auto labels = rows(task.problem.training.labels, retained);
    const auto retain_residual =
        add_rows(jacobian, margin_directions(logits, labels).unsqueeze(1), wanted - logits);

    const auto coefficients =
        damped_solve(jacobian.gram(), at::cat({forget_residual, retain_residual}), options.damp);
    auto parameters = network.parameters();
    parameters += jacobian.transposed_times(coefficients);
    if (!torch::isfinite(parameters).all().item<bool>()) {
      fail<NonFiniteError>("kernel matching: parameters are not finite after step {} of {}",
                           step + 1, steps);
    }
    // A forward and C or one backward passes, and the weights' part of one more for the step.
    const auto f = static_cast<double>(forget);
    summary.sample_gradients += f * (1 + 2 * static_cast<double>(classes)) / 3 + retain;
    summary.sample_gradients += (f + retain) / 3;
    if (task.after_pass) task.after_pass(network, summary.sample_gradients);
  }
  const auto after = network.forward(forget_inputs, Mode::eval);
  summary.forget_error_after = forget_error(after, task);
  return summary;
}

}  // namespace expunge::matching
