// The two ends that every method lies between: doing nothing, and retraining without F.
#pragma once

#include "expunge/train/recipe.h"
#include "expunge/unlearn/unlearner.h"

namespace expunge {

class DoNothing final : public Unlearner {
 public:
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;
};

/// Exact unlearning: a network trained from scratch on R by the full model's recipe, with a seed of
/// its own (task.seed). What it costs is what all others are measured by.
class ExactRetraining final : public Unlearner {
 public:
  explicit ExactRetraining(const Recipe& recipe);
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;

 private:
  Recipe recipe_;
};

}  // namespace expunge
