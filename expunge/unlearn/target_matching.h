// Bringing a network to target logits on the forget set: Datamodel Matching and oracle matching.
//
// The two are the same code with other targets (Georgiev et al., arXiv 2410.23232).
#pragma once

#include <memory>
#include <string>

#include "expunge/core/options.h"
#include "expunge/train/recipe.h"
#include "expunge/unlearn/unlearner.h"

namespace expunge {

enum class MatchingEngine { kernel, gradient };
enum class RetainTargets { own, predicted };

/// kernel engine: for B = F and `retain_points` retained examples drawn uniformly, P in all,
/// residuals r (P C) of target minus current logits, J (P C, p) the Jacobian of the logits in
/// Mode::eval and K = J J', a step is
///     theta <- theta + J' (K + damp mean(diag K) I)^-1 r,
/// the smallest change of the weights that brings all P points (nearly) to their targets, so that
/// other points hardly move. Each step draws its retained examples afresh.
struct KernelMatchingOptions {
  int64_t steps = 0;          // 0: the rule of default_matching()
  int64_t retain_points = 0;  // 0: the rule of default_matching()
  double damp = 0.01;

  void validate() const;
};

/// gradient engine, the paper's: minimise the mean squared error on all logits over F, each point
/// `forget_multiplier` times an epoch, and retain_multiplier |F| retained examples.
struct GradientMatchingOptions {
  double learning_rate = 2e-3;  // decays linearly to 0 by default
  int64_t epochs = 16;
  int64_t batch_size = 20;
  int64_t forget_multiplier = 5;
  int64_t retain_multiplier = 10;
  bool train_mode = false;  // BatchNorm by batch statistics while matching
  OptimiserOptions optimiser{.kind = OptimiserKind::adam, .weight_decay = 0};
  ScheduleKind schedule = ScheduleKind::linear;

  void validate() const;
};

struct MatchingOptions {
  MatchingEngine engine = MatchingEngine::kernel;
  /// What retained examples are held to: the full model's own logits, or the task's targets.
  RetainTargets retain_targets = RetainTargets::own;
  KernelMatchingOptions kernel;
  GradientMatchingOptions gradient;

  void validate() const;
};

OptionGroup options_of(MatchingOptions& options);

/// The kernel engine's steps and retained examples for a forget set of `forget` of n examples where
/// they are not set: two steps of max(100, |F|) retained examples, or as many as there are. Chosen on
/// forget sets, images and seeds that no reported figure uses (docs/experiments/kernel-matching.md).
struct KernelSchedule {
  int64_t steps;
  int64_t retain_points;
};
KernelSchedule default_matching(int64_t forget, int64_t n);

class TargetMatching final : public Unlearner {
 public:
  explicit TargetMatching(const MatchingOptions& options);
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;

 private:
  MatchingOptions options_;
};

}  // namespace expunge
