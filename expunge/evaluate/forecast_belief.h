// What is believed of the numbers that few models tell of a forget set F.
//
// The bias of a prediction on F, and the mean square error of its examples' effects on themselves, are told by the models
// that left these examples out: about 20 of 100, so that for a few examples both are mostly noise. How noisy is seen on
// random selections of the models (model_subsamples.h). With v the variance of a number over selections, moved to that of
// all models:
//   bias b: of a number with mean 0 and variance B = max(0, b^2 - v) and noise v, B / (B + v) is believed (James-Stein's
//     shrinkage of one number), with the variance v B / (B + v);
//   own error: beside what F's examples say stands what examples of S with effects of their sizes have, e. The mean square
//     of normal errors of that variance, shared by all of F, would vary by 2 e^2: 2 e^2 / (2 e^2 + v) of F's own is
//     believed, and the rest of e. As the bias is part of the mean square error, its square is taken off, down
//     to a quarter.
#pragma once

#include <vector>

#include "expunge/evaluate/forecast_evidence.h"

namespace expunge {

class ForecastBelief {
 public:
  /// all: of all models. drawn: of at least two random selections. scale: deviation_scale().
  ForecastBelief(const ForecastParameters& all, const std::vector<ForecastParameters>& drawn,
                 double scale);

  /// One draw of what is believed. drawn: of a selection.
  [[nodiscard]] ForecastParameters of(const ForecastParameters& drawn) const;

 private:
  ForecastParameters all_;
  double scale_;
  double bias_, own_error_;  // what part of F's own number is believed
};

}  // namespace expunge
