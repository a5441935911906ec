#include "expunge/unlearn/class_weights.h"

#include "expunge/unlearn/task_examples.h"

namespace expunge {

torch::Tensor class_weights(const Problem& problem, std::span<const int64_t> forget) {
  const int64_t classes = problem.shape.classes;
  const auto validation = problem.labels.narrow(0, problem.n(), problem.m() - problem.n());
  const auto forgotten = rows(problem.labels, forget).bincount({}, classes);
  const auto there = validation.bincount({}, classes).to(torch::kFloat64);
  return (forgotten / there.clamp_min(1)).index_select(0, validation);
}

}  // namespace expunge
