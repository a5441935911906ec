// What is believed of noisy numbers, against the closed forms of forecast_belief.h.
#include "expunge/evaluate/forecast_belief.h"

#include <gtest/gtest.h>

#include <cmath>

namespace expunge {
namespace {

ForecastParameters numbers(double bias, double own_error) {
  ForecastParameters p;
  p.bias = bias;
  p.own_error = own_error;
  p.own_error_of_size = 0.2;
  return p;
}

// Two selections, `apart` on either side: the variance of the two numbers is 2 apart^2.
std::vector<ForecastParameters> selections(double bias, double own_error, double apart_bias,
                                           double apart_own) {
  return {numbers(bias - apart_bias, own_error - apart_own),
          numbers(bias + apart_bias, own_error + apart_own)};
}

TEST(ForecastBelief, IsAllThatIsToldWhereNothingIsNoise) {
  const auto all = numbers(0.3, 0.5);
  const auto p = ForecastBelief(all, selections(0.3, 0.5, 0, 0), 2).of(all);
  EXPECT_DOUBLE_EQ(p.bias, 0.3);
  EXPECT_DOUBLE_EQ(p.own_error, 0.5 - 0.09);  // less the square of the bias
}

TEST(ForecastBelief, OfABiasNoMoreThanStandsOutOfItsNoise) {
  // Noise: 2^2 (2 (0.1 / 2)^2) = 0.02; 0.16 of 0.18 would be variance, hence 0.14 / 0.16 of the bias is believed.
  const auto all = numbers(0.4, 1);
  const auto drawn = selections(0.4, 1, 0.05, 0);
  const ForecastBelief belief(all, drawn, 2);
  const double part = 0.14 / 0.16;
  EXPECT_NEAR(belief.of(all).bias, part * 0.4, 1e-12);
  EXPECT_NEAR(belief.of(drawn[1]).bias - belief.of(drawn[0]).bias, std::sqrt(part) * 2 * 2 * 0.05,
              1e-12);
  const auto noise_alone = numbers(0.1, 1);
  EXPECT_EQ(ForecastBelief(noise_alone, selections(0.1, 1, 0.05, 0), 2).of(noise_alone).bias, 0);
}

TEST(ForecastBelief, OfItsOwnErrorsMoreTheLessNoisyTheyAre) {
  // Noise 2^2 (2 0.05^2) = 0.02; 2 (0.2)^2 = 0.08: four fifths of F's own, a fifth of its kind's.
  const auto all = numbers(0, 0.6);
  const auto drawn = selections(0, 0.6, 0, 0.05);
  const ForecastBelief belief(all, drawn, 2);
  EXPECT_NEAR(belief.of(all).own_error, 0.8 * 0.6 + 0.2 * 0.2, 1e-12);
  EXPECT_NEAR(belief.of(drawn[1]).own_error - belief.of(drawn[0]).own_error,
              std::sqrt(0.8) * 2 * 2 * 0.05, 1e-12);
}

TEST(ForecastBelief, OfTheErrorsAQuarterIsLeftHoweverLargeTheBias) {
  const auto all = numbers(3, 0.6);
  EXPECT_DOUBLE_EQ(ForecastBelief(all, selections(3, 0.6, 0, 0), 2).of(all).own_error, 0.15);
}

}  // namespace
}  // namespace expunge
