#include "expunge/unlearn/task_examples.h"

#include <algorithm>

#include "expunge/data/forget_set.h"

namespace expunge {

void check_forget(const UnlearnTask& task) {
  check_forget_set(task.forget, task.problem.n(), "unlearning");
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

torch::Tensor rows(const torch::Tensor& x, std::span<const int64_t> indices) {
  const auto index = torch::empty({static_cast<int64_t>(indices.size())}, torch::kInt64);
  std::copy(indices.begin(), indices.end(), index.data_ptr<int64_t>());
  return x.index_select(0, index.to(x.device()));
}

}  // namespace expunge
