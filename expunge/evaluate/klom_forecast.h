// How far predicted unlearning will be from retraining, told without retraining: a forecast of KLoM for
// a forget set F from the subset models and full models that attribution needs anyhow.
//
// A subset model is an oracle for what it was trained without. Each example of F was left out by a share
// 1 - alpha of them, so its margin without it is known, but for three differences to an oracle of F. Each
// is measured on points where the answer is at hand (forecast_evidence.h):
//   1. It also went without a share 1 - alpha of the rest. What the rest is worth to a point that nobody
//      trained on is seen on validation points, as a function of the point's margin: the full models'
//      mean minus the subset models'. Taken times 1 - |F| / ((1 - alpha) n).
//   2. An oracle goes without all of F at once. What the others do to an example follows from how margins
//      vary with e_a, the number of examples of class a that a model went without beyond the class's share
//      n_a / n of all that it went without, which is random (class_effects.h). The e_a sum to 0, so that
//      the slope on e_a alone is (k_a - k) n / (n - n_a), k_a the effect of one example of a and k the
//      mean over S: F's excess over its own shares, times slopes times 1 - n_a / n, is what F does beyond
//      a random set of its size.
//   3. Its margins also vary with the mask. The median ratio of subset models' to full models' standard
//      deviation over validation points is divided out.
// From the margin so found and the predicted one follow the bias of the prediction in standard deviations,
// its multiplier (what the predicted fall of F's mean margin would have to be multiplied by), and the
// ratio of standard deviations. Of the bias no more is believed than stands out of its noise (forecast_belief.h). Points
// differ around it by a normal distribution with variance
//     v^2 (own error + w mixed + (h coupling)^2),
//   own error: the mean square error of cross-fitted predictions of F's examples' effects on themselves: mean product of
//     the errors of two models of one fold that both left the example out, less the same of validation points, which
//     have no effect on themselves. Where F is small it counts beside that of examples with effects of the same size,
//     because those that act strongly are predicted with larger errors (forecast_belief.h);
//   mixed: the variance of |F| effects of random sign, from the excess of the subset models' variance over
//     the full models', point by point outside of F; an upper bound, as models of less data also vary more
//     with the seed, by nobody knows how much, hence w uniform in [0, 1];
//   coupling: the mean under 2, to which single points respond differently, h uniform in [0.5, 1];
//   v: sets differ from each other by more than this tells. log v is normal with mean 0 and standard deviation 0.5, one
//     for F and one for all other points: calibrated on two streams of requests for 1 to 20 examples
//     (docs/experiments/forecast.md). A larger F holds |F| / 20 of such sets, whose differences average out: sqrt(20 / |F|)
//     of it.
// Retained and validation points have the bias of their class, and v^2 times the mixed and coupling variances, less the
// variance within the class of the change that is predicted for them: what a prediction tells apart rightly is not
// left (law of total variance), of which a tenth is left in any case.
//   4. Examples of F act on each other in ways that their classes do not tell: where two classes meet, each
//      side holds the other back. A case may bring these effects point by point, as the networks' tangent
//      kernel shares them out (attribution/carried_effects.h). Less their mean, which is under 2, they enter
//      times g, uniform in [0.5, 1.5]: true effects minus predicted ones, regressed on them, had slopes of
//      0.6 to 1.6 on sets that no test uses. Where the prediction holds them already, g - 1 of them is left.
//
// Models that were unlearned to the prediction are judged by the same evidence: where their mean margins
// and deviations differ from the predicted ones is known point by point, and added.
//
// Forecast of KLoM. Gaussian margins with these biases and ratios are drawn, at most 400 points a group, as many
// unlearned models and oracles as will be measured, and go through klom() and the 95th percentile: so the forecast has
// the floor of finite N. Between points they have the full models' correlations, because the luck of finitely many
// models moves many points together, and with them the percentile. Each of `resamples` draws takes the estimates of a random
// three quarters of the models, moved away from those of all models by sqrt(b / (N - b)) (model_subsamples.h).
// Low, median and high are the 2.5th, 50th and 97.5th percentile of the draws: an interval for the P95 to
// be measured, not for its expectation.
//
// What it cannot see: effects that are not linear in the number left out. Warnings say where F goes beyond what
// any model went without, and where its examples act on each other by more than 0.85 standard deviations.
//
// Legend: N subset models, Nf full models, n training examples, m evaluation points, C classes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "expunge/core/options.h"
#include "expunge/evaluate/forecast_evidence.h"
#include "expunge/evaluate/klom.h"

namespace expunge {

struct ForecastOptions {
  int64_t oracles = 0;      // that will judge, at least 2; 0: as many as full models
  int64_t unlearned = 0;    // that will be judged, at least 2; 0: as many as full models
  int64_t resamples = 200;  // 20 or more
  int64_t seed = 0;
  int64_t workers = 0;  // threads, 0: one a processor; the result does not depend on it

  /// Throws OptionError.
  void validate() const;
};

OptionGroup options_of(ForecastOptions& options);

/// Low and high: a 95% interval.
struct ForecastInterval {
  double median = 0, low = 0, high = 0;
};

struct KlomForecast {
  ForecastInterval forget, retain, validation;  // P95 of KLoM, nats
  /// Root mean square over a group's points of the error that is left: mean margin of the judged models minus
  /// that of retrained ones, on F in standard deviations (over models) of the predicted margin, elsewhere of the
  /// full models'. As these numbers of models will measure it: less the expected square of their noise, but not
  /// less the noise itself, which widens the interval.
  ForecastInterval forget_error, retain_error, validation_error;
  /// Here `median` is the estimate of all models; NaN where the predicted fall is 0.
  ForecastInterval multiplier;
  ForecastParameters parameters;      // of all models
  double mutual = 0;                  // root mean square of the mutual effects, standard deviations
  std::vector<std::string> warnings;  // where F is unlike what was measured; a sentence each
};

/// What forecast_klom() asks of the models: InputError for shapes or dtypes that do not fit, fewer than 20 models of
/// either kind, fewer than 20 validation points (m - n), fewer than 2 or more than N / 2 folds, labels below 0;
/// NonFiniteError names the array, model and point.
void check_forecast_models(const ForecastModels& models);

/// One forecast for each case. Throws as check_forecast_models() does; InputError for margins of a case that do
/// not fit, effects of earlier removals that are not one a class, a forget set that is empty, all of S, out of range
/// or repeats an index, and for an example of F that fewer than 3 subset models left out (by name); NonFiniteError
/// names the array, model and point; OptionError. Deterministic.
std::vector<KlomForecast> forecast_klom(const ForecastModels& models,
                                        std::span<const ForecastCase> cases,
                                        const ForecastOptions& options = {},
                                        const KlomOptions& klom_options = {});

}  // namespace expunge
