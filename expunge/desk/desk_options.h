// What a desk is told when it is opened.
#pragma once

#include <cstdint>

#include "expunge/core/options.h"

namespace expunge::desk {

/// What retained examples are held to while a model is matched (docs/results/desk.md compares them):
///   newest     the newest model's own logits: what earlier removals did to it stays
///   original   the original model's logits: it is pulled back
///   predicted  these, and what all removals so far are predicted to do to them
enum class Hold { newest, original, predicted };

struct DeskOptions {
  int64_t model = 0;  // which of the experiment's full models is the one to remove from
  Hold hold = Hold::original;
  int64_t seed = 0;        // of the retained examples that are drawn
  double budget = 2;       // predicted error from which on status recommends new models, nats
  double hard_limit = 4;   // past which nothing is processed, nats
  int64_t oracles = 100;   // that the forecast of KLoM takes to judge
  int64_t resamples = 200;  // draws for its interval

  /// Throws OptionError.
  void validate() const;
};

/// The group "desk".
OptionGroup options_of(DeskOptions& options);

}  // namespace expunge::desk
