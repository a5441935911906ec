// Margins drawn as a forecast says that they are, and their KLoM: how large its 95th percentile will come out
// at this number of models. klom_forecast.h has the method.
//
// Legend: F the forget set, n training examples, m evaluation points of which the first n are these.
#pragma once

#include <vector>

#include "expunge/core/random.h"
#include "expunge/evaluate/forecast_evidence.h"
#include "expunge/evaluate/klom_kernel.h"

namespace expunge {

/// What is known of single points beside the parameters, which are means over groups. Margins in units of
/// ForecastParameters.
struct PointEvidence {
  /// InputError unless `set.mutual` and `set.unlearned` are of the case's shapes; NonFiniteError.
  PointEvidence(const ForecastModels& models, const ForecastCase& set);

  /// (n), 0 outside of F: what the others of F do to the example's mean margin, less the mean over F, which
  /// is the parameters'.
  std::vector<double> mutual;
  bool mutual_predicted = false;  // the prediction holds it
  double mutual_size = 0;         // root mean square over F, their mean not taken off
  /// (m): mean margin of the models that are judged, minus the predicted one, and their standard deviation as a
  /// share of the predicted. 0 and 1 where the prediction itself is judged.
  std::vector<double> shift, scale;
  /// (m): variance within the point's class (retained examples and validation points apart) of the predicted change
  /// of mean margins, in the full models' variances; 0 on F. What the prediction tells apart is not left as error.
  std::vector<double> told_apart;
};

struct GroupForecast {
  double p95 = 0;  // of KLoM, nats
  /// Root mean square over points of judged minus retrained mean margin, in standard deviations, as it will be
  /// measured: with the noise of finitely many models, whose expected square is taken off.
  double error = 0;
};
struct ForecastDraw {
  GroupForecast forget, retain, validation;
};

/// (Nf, m) float32: full models' margins, each point's less their mean and in standard deviations, over sqrt(Nf - 1),
/// so that a sum of its rows times standard normal numbers has the full models' correlations between points and
/// variance 1; 0 where margins do not differ.
torch::Tensor correlated_rows(const torch::Tensor& full_margins);

/// One draw, at most 400 points a group. Points differ around the parameters as klom_forecast.h says. rows: of
/// correlated_rows().
ForecastDraw draw_forecast(const ForecastParameters& parameters,
                           const std::vector<double>& excess_variance, const PointEvidence& points,
                           const ForecastCase& set, const ForecastModels& models,
                           const torch::Tensor& rows, const ForecastCounts& counts,
                           const KlomKernel& kernel, CounterRng& rng);

}  // namespace expunge
