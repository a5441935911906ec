// The interface of everything that removes examples from a trained network.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <span>

#include "expunge/train/network.h"
#include "expunge/train/problem.h"

namespace expunge {

/// Sees a network after each pass of an unlearner over its examples (each step, for the kernel
/// engine), with the sample gradients spent so far. It may evaluate the network, not change it.
using PassObserver = std::function<void(Network& network, double sample_gradients)>;

/// One network's request. The network given beside it is the full model, trained on all of S.
struct UnlearnTask {
  const Problem& problem;
  std::span<const int64_t> forget;  // F: indices into S, at least one, not all of S
  /// (m, C) target logits at all evaluation points: the full model's plus the removal shift (DMM),
  /// or an oracle's (oracle matching). May be undefined for methods that have no targets.
  torch::Tensor targets;
  uint64_t seed = 0;        // decides what is drawn: retained examples, orders, labels
  PassObserver after_pass = {};  // may be empty
};

/// What an unlearner did. One sample gradient is a forward and a backward pass over one example; a
/// forward pass alone counts a third, a backward pass alone two thirds.
struct UnlearnSummary {
  double sample_gradients = 0;
  double forget_error_before = 0;  // root mean square of target minus logit over F and classes
  double forget_error_after = 0;   // (0 where the method has no targets)
};

class Unlearner {
 public:
  virtual ~Unlearner() = default;
  /// Changes the network. Thread-safe for different networks. NonFiniteError if it diverges.
  virtual UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const = 0;
};

}  // namespace expunge
