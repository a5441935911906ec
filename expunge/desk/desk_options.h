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

/// How one removal is made and forecast.
struct RemovalOptions {
  Hold hold = Hold::newest;
  int64_t seed = 0;         // of the retained examples that are drawn, and of the forecast
  int64_t resamples = 200;  // draws for the forecast's interval

  /// Throws OptionError.
  void validate() const;
};
OptionGroup options_of(RemovalOptions& options);

struct DeskOptions {
  int64_t model = 0;  // which of the experiment's full models is the one to remove from
  RemovalOptions removal;
  int64_t oracles = 100;  // that the forecast of KLoM takes to judge
  double budget = 2;      // predicted error from which on status recommends new models, nats
  double hard_limit = 4;  // past which nothing is processed, nats

  /// Throws OptionError.
  void validate() const;
};

/// The group "desk".
OptionGroup options_of(DeskOptions& options);

}  // namespace expunge::desk
