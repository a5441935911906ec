#include "expunge/unlearn/target_matching.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"
#include "expunge/unlearn/gradient_matching.h"
#include "expunge/unlearn/kernel_matching.h"
#include "expunge/unlearn/matching_task.h"

namespace expunge {

void KernelMatchingOptions::validate() const {
  require_option(steps >= 0, "steps", "a whole number of at least 0 (0: by rule)",
                 static_cast<double>(steps));
  require_option(retain_points >= 0, "retain_points", "a whole number of at least 0 (0: by rule)",
                 static_cast<double>(retain_points));
  require_option(damp > 0 && std::isfinite(damp), "damp", "a number above 0", damp);
  require_option(curvature_points >= 0, "curvature_points",
                 "a whole number of at least 0 (0: none)", static_cast<double>(curvature_points));
  require_option(curvature_damp > 0 && std::isfinite(curvature_damp), "curvature_damp",
                 "a number above 0", curvature_damp);
  require_option(kernel_rows >= 2, "kernel_rows", "a whole number of at least 2",
                 static_cast<double>(kernel_rows));
}

void GradientMatchingOptions::validate() const {
  require_option(learning_rate > 0 && std::isfinite(learning_rate), "learning_rate",
                 "a number above 0", learning_rate);
  require_option(epochs > 0, "epochs", "a whole number above 0", static_cast<double>(epochs));
  require_option(batch_size > 0, "batch_size", "a whole number above 0",
                 static_cast<double>(batch_size));
  require_option(forget_multiplier > 0, "forget_multiplier", "a whole number above 0",
                 static_cast<double>(forget_multiplier));
  require_option(retain_multiplier >= 0, "retain_multiplier", "a whole number of at least 0",
                 static_cast<double>(retain_multiplier));
  optimiser.validate();
}

void MatchingOptions::validate() const {
  kernel.validate();
  gradient.validate();
}

OptionGroup options_of(MatchingOptions& o) {
  OptionGroup group("matching", "How a model is brought to its target logits");
  group
      .add("engine", o.engine,
           {{"kernel", MatchingEngine::kernel}, {"gradient", MatchingEngine::gradient}},
           "kernel: smallest change of the weights that reaches the targets; gradient: the paper's "
           "fine-tuning")
      .add("retain_targets", o.retain_targets,
           {{"own", RetainTargets::own}, {"predicted", RetainTargets::predicted}},
           "what retained examples are held to: the full model's own logits, or their predicted "
           "ones")
      .add("steps", o.kernel.steps, "kernel engine: steps; 0 for the rule in |F| and n", "steps")
      .add("retain_points", o.kernel.retain_points,
           "kernel engine: retained examples drawn for each step; 0 for the rule in |F| and n",
           "examples")
      .add("damp", o.kernel.damp, "kernel engine: damping as a share of the kernel's mean diagonal")
      .add("curvature_points", o.kernel.curvature_points,
           "kernel engine: retained examples by which it learns which changes of the weights move "
           "logits; 0 to count all changes alike",
           "examples")
      .add("curvature_damp", o.kernel.curvature_damp,
           "kernel engine: damping of the curvature as a share of its mean diagonal")
      .add("kernel_rows", o.kernel.kernel_rows,
           "kernel engine: logits that one solution takes, about; more forget examples than have "
           "these are taken in parts",
           "rows")
      .add("learning_rate", o.gradient.learning_rate, "gradient engine: largest learning rate")
      .add("epochs", o.gradient.epochs, "gradient engine: passes over the drawn examples", "passes")
      .add("batch_size", o.gradient.batch_size, "gradient engine: examples of one step", "examples")
      .add("forget_multiplier", o.gradient.forget_multiplier,
           "gradient engine: times each forget example is seen a pass")
      .add("retain_multiplier", o.gradient.retain_multiplier,
           "gradient engine: retained examples drawn a pass, as a multiple of |F|")
      .add("train_mode", o.gradient.train_mode,
           "gradient engine: BatchNorm by batch statistics while matching")
      .add("optimiser", o.gradient.optimiser.kind,
           {{"sgd", OptimiserKind::sgd},
            {"adam", OptimiserKind::adam},
            {"adamw", OptimiserKind::adamw}},
           "gradient engine: what turns a gradient into a step")
      .add("momentum", o.gradient.optimiser.momentum, "gradient engine: momentum of sgd")
      .add("weight_decay", o.gradient.optimiser.weight_decay,
           "gradient engine: pull of every parameter towards 0")
      .add("schedule", o.gradient.schedule,
           {{"linear", ScheduleKind::linear},
            {"constant", ScheduleKind::constant},
            {"cosine", ScheduleKind::cosine},
            {"triangle", ScheduleKind::triangle}},
           "gradient engine: course of the learning rate");
  return group;
}

KernelSchedule default_matching(int64_t forget, int64_t n) {
  return {.steps = 3, .retain_points = std::min(std::max<int64_t>(150, forget), n - forget)};
}

KernelSchedule matching_schedule(const KernelMatchingOptions& options, int64_t forget, int64_t n) {
  auto schedule = default_matching(forget, n);
  if (options.steps > 0) schedule.steps = options.steps;
  if (options.retain_points > 0) schedule.retain_points = options.retain_points;
  return schedule;
}

int64_t forget_at_once(const KernelMatchingOptions& options, int64_t classes) {
  return std::max<int64_t>(1, options.kernel_rows / (classes + 1));
}

TargetMatching::TargetMatching(const MatchingOptions& options) : options_(options) {
  options_.validate();
}

UnlearnSummary TargetMatching::unlearn(Network& network, const UnlearnTask& task) const {
  matching::check_task(task);
  if (options_.engine == MatchingEngine::gradient) {
    return matching::match_by_gradient(network, task, options_.gradient, options_.retain_targets);
  }
  return matching::match_by_kernel(network, task, options_.kernel, options_.retain_targets);
}

}  // namespace expunge
