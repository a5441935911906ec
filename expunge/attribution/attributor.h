// The interface of everything that predicts what removing training examples does to a network.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <vector>

namespace expunge {

class Attributor {
 public:
  virtual ~Attributor() = default;

  /// For each of K removal sets (indices into the training set S, without repetition) the removal
  /// shift: the predicted change of a full model's logits at all m evaluation points if it had been
  /// trained without the set. (K, m, C) float32, in logits (nats). InputError for a set that is
  /// empty, all of S, out of range or holds an index twice.
  [[nodiscard]] virtual torch::Tensor removal_shifts(
      std::span<const std::vector<int64_t>> removals) const = 0;
};

}  // namespace expunge
