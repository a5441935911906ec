#include "expunge/unlearn/retained_sample.h"

#include <algorithm>
#include <map>

#include "expunge/unlearn/task_examples.h"

namespace expunge::matching {

std::vector<int64_t> draw_retained(const UnlearnTask& task, int64_t count, CounterRng& rng) {
  const auto retained = retained_examples(task);
  const auto all = static_cast<int64_t>(retained.size());
  const auto* labels = task.problem.training.labels.data_ptr<int64_t>();
  count = std::min(count, all);

  std::map<int64_t, std::vector<int64_t>> of_class;
  for (const int64_t i : draw(retained, all, rng)) of_class[labels[i]].push_back(i);
  std::vector<bool> taken(static_cast<size_t>(task.problem.n()));
  std::vector<int64_t> drawn;
  const auto take = [&](int64_t i) {
    taken[static_cast<size_t>(i)] = true;
    drawn.push_back(i);
  };
  for (int64_t k = 0; k < count / 2; ++k) {
    auto& members = of_class[labels[task.forget[rng.below(task.forget.size())]]];
    if (members.empty()) continue;
    take(members.back());
    members.pop_back();
  }
  // In an order of its own: that of the classes' members would favour the others.
  for (const int64_t i : draw(retained, all, rng)) {
    if (static_cast<int64_t>(drawn.size()) == count) break;
    if (!taken[static_cast<size_t>(i)]) take(i);
  }
  return drawn;
}

}  // namespace expunge::matching
