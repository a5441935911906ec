#include "expunge/unlearn/matching_task.h"

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/data/forget_set.h"

namespace expunge::matching {

void check_task(const UnlearnTask& task) {
  check_forget_set({task.forget.begin(), task.forget.end()}, task.problem.n(), "unlearning");
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

std::vector<int64_t> retained_examples(const UnlearnTask& task) {
  return retain_indices(task.forget, task.problem.n());
}

std::vector<int64_t> draw(const std::vector<int64_t>& from, int64_t count, CounterRng& rng) {
  const auto order = rng.permutation(static_cast<int64_t>(from.size()));
  std::vector<int64_t> drawn;
  for (int64_t k = 0; k < std::min<int64_t>(count, static_cast<int64_t>(from.size())); ++k) {
    drawn.push_back(from[static_cast<size_t>(order[static_cast<size_t>(k)])]);
  }
  return drawn;
}

double forget_error(const torch::Tensor& forget_logits, const UnlearnTask& task) {
  return (rows(task.targets, task.forget) - forget_logits).square().mean().sqrt().item<double>();
}

torch::Tensor rows(const torch::Tensor& x, std::span<const int64_t> indices) {
  const auto index = torch::empty({static_cast<int64_t>(indices.size())}, torch::kInt64);
  std::copy(indices.begin(), indices.end(), index.data_ptr<int64_t>());
  return x.index_select(0, index);
}

}  // namespace expunge::matching
