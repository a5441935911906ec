#include "expunge/evaluate/forecast_belief.h"

#include <algorithm>
#include <cmath>

#include "expunge/evaluate/model_subsamples.h"

namespace expunge {
namespace {

// Of a number whose variance this is without its noise.
double believed_part(double variance, double noise) {
  return noise > 0 ? variance / (variance + noise) : 1;
}

}  // namespace

ForecastBelief::ForecastBelief(const ForecastParameters& all,
                               const std::vector<ForecastParameters>& drawn, double scale)
    : all_(all), scale_(scale) {
  const auto noise = [&](double ForecastParameters::*number) {
    std::vector<double> values;
    for (const auto& p : drawn) values.push_back(p.*number);
    const double deviation = scale * standard_deviation(values);
    return deviation * deviation;
  };
  const double of_bias = noise(&ForecastParameters::bias);
  bias_ = believed_part(std::max(0.0, all.bias * all.bias - of_bias), of_bias);
  own_error_ = believed_part(2 * all.own_error_of_size * all.own_error_of_size,
                             noise(&ForecastParameters::own_error));
}

ForecastParameters ForecastBelief::of(const ForecastParameters& drawn) const {
  auto p = all_.extrapolated(drawn, scale_);
  p.bias = bias_ * all_.bias + std::sqrt(bias_) * (p.bias - all_.bias);
  const double own = (1 - own_error_) * p.own_error_of_size + own_error_ * all_.own_error +
                     std::sqrt(own_error_) * (p.own_error - all_.own_error);
  const double of_own_effects = p.bias - p.coupling;
  p.own_error = std::max(own - of_own_effects * of_own_effects, own / 4);
  return p;
}

}  // namespace expunge
