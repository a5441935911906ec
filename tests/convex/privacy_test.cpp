#include "expunge/convex/privacy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "expunge/core/error.h"

namespace expunge {
namespace {

// The integral of max(0, p - e^epsilon q) for two unit Gaussians at `shift` from each other.
double delta_by_integration(double epsilon, double shift) {
  double sum = 0;
  constexpr double width = 1e-4;
  for (double x = -12; x < 12 + shift; x += width) {
    const double p = std::exp(-(x - shift) * (x - shift) / 2);
    const double q = std::exp(-x * x / 2);
    sum += std::max(0.0, p - std::exp(epsilon) * q) * width;
  }
  return sum / std::sqrt(2 * M_PI);
}

TEST(Privacy, DeltaIsTheIntegralOfWhatOneDensityHasMore) {
  for (const double epsilon : {0.1, 1.0, 3.0}) {
    for (const double shift : {0.05, 0.5, 2.0})
      EXPECT_NEAR(gaussian_delta(epsilon, shift), delta_by_integration(epsilon, shift), 1e-6);
  }
  EXPECT_EQ(gaussian_delta(1, 0), 0);
}

TEST(Privacy, AllowedShiftUsesDeltaUpAndClassicStaysBelowIt) {
  for (const double epsilon : {0.1, 0.5, 1.0}) {
    for (const double delta : {1e-3, 1e-6}) {
      const double analytic = allowed_shift(epsilon, delta, Accounting::analytic);
      EXPECT_NEAR(gaussian_delta(epsilon, analytic) / delta, 1, 1e-6);
      const double classic = allowed_shift(epsilon, delta, Accounting::classic);
      EXPECT_NEAR(classic, epsilon / std::sqrt(2 * std::log(1.5 / delta)), 1e-15);
      EXPECT_LT(classic, analytic);
    }
  }
  EXPECT_GT(allowed_shift(8, 1e-5, Accounting::analytic),
            allowed_shift(1, 1e-5, Accounting::analytic));
  EXPECT_THROW(allowed_shift(2, 1e-5, Accounting::classic), OptionError);
  EXPECT_THROW(allowed_shift(0, 1e-5, Accounting::analytic), OptionError);
  EXPECT_THROW(allowed_shift(1, 1, Accounting::analytic), OptionError);
}

}  // namespace
}  // namespace expunge
