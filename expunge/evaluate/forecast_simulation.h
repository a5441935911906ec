// Margins drawn as a forecast says that they are, and their KLoM: how large its 95th percentile will come out
// at this number of models. klom_forecast.h has the method.
//
// Legend: F the forget set, n training examples, m evaluation points of which the first n are these.
#pragma once

#include <cstdint>
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
};

struct GroupForecast {
  double p95 = 0;  // of KLoM, nats
  double error =
      0;  // root mean square over points of judged minus retrained mean margin, in standard deviations
};
struct ForecastDraw {
  GroupForecast forget, retain, validation;
};

/// One draw, at most 400 points a group: unlearned models as many as full ones, `oracles` oracles. Points differ
/// around the parameters as klom_forecast.h says.
ForecastDraw draw_forecast(const ForecastParameters& parameters,
                           const std::vector<double>& excess_variance, const PointEvidence& points,
                           const ForecastCase& set, const ForecastModels& models, int64_t oracles,
                           const KlomKernel& kernel, CounterRng& rng);

}  // namespace expunge
