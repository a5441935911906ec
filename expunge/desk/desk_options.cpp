#include "expunge/desk/desk_options.h"

#include <cmath>

#include "expunge/core/error.h"

namespace expunge::desk {

void RemovalOptions::validate() const {
  require_option(seed >= 0, "seed", "a whole number of at least 0", static_cast<double>(seed));
  require_option(resamples >= 20, "resamples", "20 or more", static_cast<double>(resamples));
}

OptionGroup options_of(RemovalOptions& o) {
  OptionGroup group("removal", "A removal");
  group
      .add(
          "hold", o.hold,
          {{"newest", Hold::newest}, {"original", Hold::original}, {"predicted", Hold::predicted}},
          "what retained examples are held to: the newest model's logits, the original model's, or "
          "these and what all removals so far are predicted to do to them")
      .add("seed", o.seed, "seed of the retained examples that are drawn, and of the forecast")
      .add("resamples", o.resamples,
           "draws for the forecast's interval, each from three quarters of the models", "draws");
  return group;
}

void DeskOptions::validate() const {
  removal.validate();
  require_option(model >= 0, "model", "a whole number of at least 0", static_cast<double>(model));
  require_option(oracles >= 2, "oracles", "at least 2", static_cast<double>(oracles));
  require_option(budget > 0 && std::isfinite(budget), "budget", "a number above 0", budget);
  require_option(hard_limit >= budget && std::isfinite(hard_limit), "hard_limit",
                 fmt::format("a number of at least the budget, {},", budget), hard_limit);
}

OptionGroup options_of(DeskOptions& o) {
  OptionGroup group("desk", "The desk");
  group
      .add("model", o.model,
           "which of the experiment's full models examples are removed from, from 0")
      .include(options_of(o.removal))
      .add("oracles", o.oracles, "retrained models that the predicted KLoM is for", "models")
      .add("budget", o.budget,
           "predicted error (95th percentile of KLoM) from which on status recommends new models",
           "nats")
      .add("hard_limit", o.hard_limit, "predicted error past which a request is refused", "nats");
  return group;
}

}  // namespace expunge::desk
