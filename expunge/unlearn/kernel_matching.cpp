#include "expunge/unlearn/kernel_matching.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_cholesky_ex.h>

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

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
  const auto inputs = rows(task.problem.inputs, points).to(dtype);
  return inputs.contiguous(inputs.dim() == 4 ? at::MemoryFormat::ChannelsLast
                                             : at::MemoryFormat::Contiguous);
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
  return {network, inputs_of(task, drawn, dtype),
          directions.to(network.parameters().device(), dtype), damp};
}

// Rows for every sample, and what v . z is short of, in the order of the Jacobian's rows.
torch::Tensor add_rows(LogitJacobian& jacobian, const torch::Tensor& directions,
                       const torch::Tensor& missing) {
  jacobian.add(directions);
  return directions.matmul(missing.unsqueeze(2)).flatten();
}

// F as it is, or where it has more than `at_once` examples, in random parts of about one size.
std::vector<std::vector<int64_t>> parts_of(std::span<const int64_t> forget, int64_t at_once,
                                           CounterRng& rng) {
  std::vector<int64_t> order(forget.begin(), forget.end());
  const auto size = std::ssize(order);
  const int64_t parts = (size + at_once - 1) / at_once;
  if (parts > 1) order = draw(order, size, rng);
  std::vector<std::vector<int64_t>> result;
  for (int64_t k = 0; k < parts; ++k)
    result.emplace_back(order.begin() + size * k / parts, order.begin() + size * (k + 1) / parts);
  return result;
}

}  // namespace

UnlearnSummary match_by_kernel(Network& network, const UnlearnTask& task,
                               const KernelMatchingOptions& options, RetainTargets retain_targets) {
  const auto forget = static_cast<int64_t>(task.forget.size());
  const int64_t n = task.problem.n();
  const int64_t steps = matching_schedule(options, forget, n).steps;
  const auto dtype = network.parameters().scalar_type();
  const auto targets = task.targets.to(network.parameters().device(), dtype);
  const int64_t classes = targets.size(1);
  const int64_t at_once = forget_at_once(options, classes);
  // Of the full model, for the retained examples of later solutions.
  const bool one_solution = steps == 1 && forget <= at_once;
  const auto original =
      !one_solution && retain_targets == RetainTargets::own ? network.clone() : nullptr;

  UnlearnSummary summary;
  if (forget > at_once) {
    const auto before = network.forward(inputs_of(task, task.forget, dtype), Mode::eval);
    summary.forget_error_before = forget_error(before, task);
  }
  std::optional<KroneckerCurvature> curvature;
  if (options.curvature_points > 0) {
    curvature.emplace(
        curvature_of(network, task, options.curvature_points, options.curvature_damp));
    summary.sample_gradients +=
        static_cast<double>(std::min(options.curvature_points, task.problem.n() - forget));
  }

  CounterRng rng(derive_seed(task.seed, "retained examples", 0));
  bool moved = false;
  for (int64_t step = 0; step < steps; ++step) {
    for (const auto& part : parts_of(task.forget, at_once, rng)) {
      const auto f = static_cast<double>(part.size());
      const auto retained =
          draw_retained(task, matching_schedule(options, std::ssize(part), n).retain_points, rng);
      const auto retained_inputs = inputs_of(task, retained, dtype);
      const auto retain = static_cast<double>(retained.size());

      LogitJacobian jacobian(network, curvature ? &*curvature : nullptr);
      const auto forget_logits = jacobian.forward(inputs_of(task, part, dtype));
      if (!moved && part.size() == task.forget.size())
        summary.forget_error_before = forget_error(forget_logits, task);
      const auto forget_residual = add_rows(
          jacobian, all_logits(static_cast<int64_t>(part.size()), classes, forget_logits.options()),
          rows(targets, part) - forget_logits);

      const auto logits = jacobian.forward(retained_inputs);
      torch::Tensor wanted = logits;
      if (retain_targets == RetainTargets::predicted) {
        wanted = rows(targets, retained);
      } else if (moved) {
        wanted = original->forward(retained_inputs, Mode::eval);
        summary.sample_gradients += retain / 3;
      }
      const auto labels = rows(task.problem.training.labels, retained).to(logits.device());
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
      moved = true;
      // A forward and C or one backward passes, and the weights' part of one more for the step.
      summary.sample_gradients += f * (1 + 2 * static_cast<double>(classes)) / 3 + retain;
      summary.sample_gradients += (f + retain) / 3;
    }
    if (task.after_pass) task.after_pass(network, summary.sample_gradients);
  }
  const auto after = network.forward(inputs_of(task, task.forget, dtype), Mode::eval);
  summary.forget_error_after = forget_error(after, task);
  return summary;
}

}  // namespace expunge::matching
