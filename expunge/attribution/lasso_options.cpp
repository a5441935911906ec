#include "expunge/attribution/lasso_options.h"

#include <cmath>

namespace expunge {

void LassoOptions::validate() const {
  if (lambda) {
    require_option(*lambda > 0 && std::isfinite(*lambda), "lasso_lambda", "a number above 0",
                   *lambda);
  }
  require_option(held_out > 0 && held_out < 1, "lasso_held_out", "a share between 0 and 1",
                 held_out);
  require_option(path_steps >= 2, "lasso_path_steps", "at least 2",
                 static_cast<double>(path_steps));
  require_option(path_end > 0 && path_end < 1, "lasso_path_end", "a share between 0 and 1",
                 path_end);
  require_option(tolerance > 0 && tolerance < 1, "lasso_tolerance", "a number between 0 and 1",
                 tolerance);
}

OptionGroup options_of(LassoOptions& o) {
  OptionGroup group("attribution", "Datamodels by LASSO");
  group
      .add("lasso_choice", o.choice, {{"each", LassoChoice::each}, {"shared", LassoChoice::shared}},
           "penalty chosen on held-out subset models: one for each target, or one for all")
      .add("lasso_lambda", o.lambda, "LASSO penalty of all targets; auto: chosen")
      .add("lasso_held_out", o.held_out, "share of the subset models that choose the penalty")
      .add("lasso_path_steps", o.path_steps, "penalties that are tried", "penalties")
      .add("lasso_path_end", o.path_end, "the least of them, as a share of the largest useful one")
      .add("lasso_tolerance", o.tolerance,
           "duality gap at which a target is solved, as a share of half its variance");
  return group;
}

}  // namespace expunge
