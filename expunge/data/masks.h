// Which training examples a subset model sees.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

#include "expunge/core/options.h"

namespace expunge {

struct MaskOptions {
  double alpha = 0.8;               // share of the examples that a model sees, in (0, 1)
  std::string scheme = "balanced";  // or "independent"

  void validate() const;
};
OptionGroup options_of(MaskOptions& options);

/// Mask (n) bool of model `row`; it depends on (options, n, seed, row) alone.
///   balanced     alpha = 1 - 1/K: models row = K b ... K b + K - 1 share one random partition of
///   the
///                examples into K parts, equal in size up to 1, of which each leaves out another
///                one. Every K models leave every example out exactly once.
///   independent  round(alpha n) examples, uniformly at random, at least 1 in and 1 out.
torch::Tensor subset_mask(const MaskOptions& options, int64_t n, uint64_t seed, int64_t row);

}  // namespace expunge
