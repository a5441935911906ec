// Bringing a network to target logits on the forget set: Datamodel Matching and oracle matching.
//
// The two are the same code with other targets (Georgiev et al., arXiv 2410.23232).
#pragma once

#include "expunge/core/options.h"
#include "expunge/train/recipe.h"
#include "expunge/unlearn/unlearner.h"

namespace expunge {

enum class MatchingEngine { kernel, gradient };
enum class RetainTargets { own, predicted };

/// kernel engine: each step takes F with all of its C logits and `retain_points` retained examples
/// (half of F's classes, half uniform, afresh each step) with their margins, R rows in all. With
/// residuals r (R) of targets minus current values, J (R, p) their Jacobian in Mode::eval, M the
/// curvature of the logits (KroneckerCurvature) and K = J M^-1 J', a step is
///     theta <- theta + M^-1 J' (K + damp mean(diag K) I)^-1 r:
/// of all changes of the weights that bring these rows (nearly) to their targets, the one that moves
/// the logits of other examples least. Where F needs more than `kernel_rows` rows, a step takes it in random
/// parts, one solution after another, each with retained examples of its own: as near, and faster. A network
/// that is not layered has M = I, and holds J.
struct KernelMatchingOptions {
  int64_t steps = 0;          // 0: the rule of default_matching()
  int64_t retain_points = 0;  // 0: the rule of default_matching()
  double damp = 0.01;
  int64_t curvature_points = 300;  // retained examples that M is made of; 0: M = I
  double curvature_damp = 0.1;
  int64_t kernel_rows = 1200;  // R at most, about; R^3 / 3 steps to solve, 20 R^2 bytes

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
/// they are not set: three steps of max(150, |F|) retained examples, or as many as there are. Chosen on
/// forget sets, images and seeds that no reported figure uses (docs/experiments/large-sets.md).
struct KernelSchedule {
  int64_t steps;
  int64_t retain_points;
};
KernelSchedule default_matching(int64_t forget, int64_t n);
/// What the options say, and that rule where they say 0.
KernelSchedule matching_schedule(const KernelMatchingOptions& options, int64_t forget, int64_t n);
/// Forget examples that one solution takes: more are taken in parts of about one size.
int64_t forget_at_once(const KernelMatchingOptions& options, int64_t classes);

class TargetMatching final : public Unlearner {
 public:
  explicit TargetMatching(const MatchingOptions& options);
  UnlearnSummary unlearn(Network& network, const UnlearnTask& task) const override;

 private:
  MatchingOptions options_;
};

}  // namespace expunge
