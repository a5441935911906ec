#include "expunge/attribution/group_moments.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <limits>

namespace expunge {

GroupMoments::GroupMoments(int64_t count, int64_t classes) : count_(count), classes_(classes) {
  const auto cells = static_cast<size_t>(count * classes);
  for (auto* sums : {&origin_, &sum_, &square_, &seen_sum_}) sums->assign(cells, 0);
  seen_.assign(static_cast<size_t>(count), 0);
}

void GroupMoments::add(const bool* seen, const float* values) {
  if (models_++ == 0) std::copy(values, values + count_ * classes_, origin_.begin());
  for (int64_t j = 0; j < count_; ++j) {
    const double weight = seen[j] ? 1 : 0;
    seen_[static_cast<size_t>(j)] += seen[j] ? 1 : 0;
    for (int64_t k = j * classes_; k < (j + 1) * classes_; ++k) {
      const auto at = static_cast<size_t>(k);
      const double x = values[k] - origin_[at];
      sum_[at] += x;
      square_[at] += x * x;
      seen_sum_[at] += weight * x;
    }
  }
}

torch::Tensor GroupMoments::variance() const {
  auto out = torch::empty({count_, classes_}, torch::kFloat64);
  auto* to = out.data_ptr<double>();
  for (int64_t k = 0; k < count_ * classes_; ++k) {
    const auto at = static_cast<size_t>(k);
    const auto in = static_cast<double>(seen_[static_cast<size_t>(k / classes_)]);
    const double out_of = static_cast<double>(models_) - in;
    const double rest = sum_[at] - seen_sum_[at];
    const bool identified = in > 0 && out_of > 0 && models_ > 2;
    const double within = square_[at] - seen_sum_[at] * seen_sum_[at] / in - rest * rest / out_of;
    to[k] = identified ? std::max(0.0, within) / static_cast<double>(models_ - 2)
                       : std::numeric_limits<double>::infinity();
  }
  return out;
}

torch::Tensor GroupMoments::mean_seen() const {
  auto out = torch::empty({count_, classes_}, torch::kFloat64);
  auto* to = out.data_ptr<double>();
  for (int64_t k = 0; k < count_ * classes_; ++k) {
    const auto at = static_cast<size_t>(k);
    to[k] =
        origin_[at] + seen_sum_[at] / static_cast<double>(seen_[static_cast<size_t>(k / classes_)]);
  }
  return out;
}

}  // namespace expunge
