// Mean and variance of training examples' logits over the models that saw them and those that did not.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace expunge {

/// One pass over models, each with logits (count, C) of the same `count` examples.
class GroupMoments {
 public:
  GroupMoments(int64_t count, int64_t classes);

  /// seen: (count), whether this model saw each example; values: (count, C).
  void add(const bool* seen, const float* values);

  /// (count, C) float64: variance within the two groups, of N - 2 degrees of freedom; infinite where
  /// all models or none saw the example, or fewer than 3 are there.
  [[nodiscard]] torch::Tensor variance() const;
  /// (count, C) float64: mean over the models that saw the example (NaN if none did).
  [[nodiscard]] torch::Tensor mean_seen() const;

 private:
  int64_t count_, classes_;
  int64_t models_ = 0;
  std::vector<double> origin_;  // the first model's logits, taken off: sums of squares stay small
  std::vector<double> sum_, square_, seen_sum_;
  std::vector<int64_t> seen_;
};

}  // namespace expunge
