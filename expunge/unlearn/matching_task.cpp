#include "expunge/unlearn/matching_task.h"

#include "expunge/core/error.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge::matching {

void check_task(const UnlearnTask& task) {
  check_forget(task);
  const int64_t classes = task.problem.shape.classes;
  if (!task.targets.defined() || task.targets.dim() != 2 ||
      task.targets.size(0) != task.problem.m() || task.targets.size(1) != classes) {
    fail<InputError>(
        "matching: targets ({}, {}) required, got ({})", task.problem.m(), classes,
        task.targets.defined() ? fmt::format("{}", fmt::join(task.targets.sizes(), ", ")) : "none");
  }
  if (!torch::isfinite(task.targets).all().item<bool>())
    fail<NonFiniteError>("matching: a target is not finite");
}

double forget_error(const torch::Tensor& forget_logits, const UnlearnTask& task) {
  return (rows(task.targets, task.forget).to(forget_logits.device()) - forget_logits)
      .square()
      .mean()
      .sqrt()
      .item<double>();
}

}  // namespace expunge::matching
