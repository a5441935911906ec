#include "expunge/attribution/ridge_options.h"

#include <cmath>

#include "expunge/attribution/local_effects.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

void require_positive(const std::optional<double>& value, const char* option) {
  if (value && !(*value > 0 && std::isfinite(*value)))
    fail<OptionError>("option {}: a number above 0 required, got {}", option, *value);
}

}  // namespace

void RidgeOptions::validate() const {
  require_positive(lambda, "lambda");
  require_positive(lambda_ratio, "lambda_ratio");
  if (lambda && lambda_ratio)
    fail<OptionError>("options lambda and lambda_ratio: one of them required at most, got both");
  if (self_variance && !(*self_variance >= 0 && std::isfinite(*self_variance))) {
    fail<OptionError>("option self_variance: a number of at least 0 required, got {}",
                      *self_variance);
  }
  if (self_variance && prior != EffectPrior::self)
    fail<OptionError>("option self_variance: prior \"self\" required for it, got another prior");
  if (folds < 2) fail<OptionError>("option folds: at least 2 required, got {}", folds);
  if (held_out_points < 1)
    fail<OptionError>("option held_out_points: at least 1 required, got {}", held_out_points);
  if (seed < 0) fail<OptionError>("option seed: at least 0 required, got {}", seed);
}

EffectPrior resolved_prior(EffectPrior prior, int64_t models, int64_t examples, int64_t classes) {
  if (prior != EffectPrior::automatic) return prior;
  const auto squares = static_cast<double>(models) * static_cast<double>(models);
  const auto covariates = static_cast<double>(LocalEffectOptions().neighbours * classes);
  const double operations =
      static_cast<double>(examples) * squares * (static_cast<double>(models) / 3 + covariates);
  return operations <= 1e13 ? EffectPrior::local : EffectPrior::adaptive;
}

OptionGroup options_of(RidgeOptions& o) {
  OptionGroup group("attribution", "How the effect of training examples is estimated");
  group
      .add("prior", o.prior,
           {{"auto", EffectPrior::automatic},
            {"own", EffectPrior::own},
            {"adaptive", EffectPrior::adaptive},
            {"local", EffectPrior::local},
            {"self", EffectPrior::self},
            {"none", EffectPrior::none}},
           "an example's effect on itself: not shrunk (own), shrunk by what similar examples say "
           "(adaptive), the same after comparing it with its neighbours in each model (local), "
           "shrunk less than others (self), shrunk as all others (none); auto: local, or adaptive "
           "where models are so many that local would take minutes")
      .add("lambda", o.lambda, "ridge penalty; auto: chosen on held-out subset models")
      .add("lambda_ratio", o.lambda_ratio,
           "ridge penalty in units of n alpha (1 - alpha), instead of lambda")
      .add("self_variance", o.self_variance,
           "extra prior variance of an example's effect on itself, for prior self; auto: 0.03 n")
      .add("folds", o.folds, "parts of the subset models that are held out in turn", "folds")
      .add("held_out_points", o.held_out_points, "evaluation points that choose lambda", "points")
      .add("held_out_seed", o.seed, "seed of the draw of these points");
  return group;
}

}  // namespace expunge
