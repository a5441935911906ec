#include "expunge/convex/privacy.h"

#include <cmath>

#include "expunge/core/error.h"

namespace expunge {
namespace {

double normal_below(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2;
}

}  // namespace

double gaussian_delta(double epsilon, double shift) {
  if (shift <= 0) return 0;
  const double first = normal_below(shift / 2 - epsilon / shift);
  // e^epsilon times a probability so small that the product must be taken in logarithms.
  const double second = normal_below(-shift / 2 - epsilon / shift);
  return second > 0 ? first - std::exp(epsilon + std::log(second)) : first;
}

double allowed_shift(double epsilon, double delta, Accounting accounting) {
  require_option(epsilon > 0 && std::isfinite(epsilon), "epsilon", "a finite number above 0",
                 epsilon);
  require_option(delta > 0 && delta < 1, "delta", "above 0 and below 1", delta);
  if (accounting == Accounting::classic) {
    require_option(epsilon <= 1, "epsilon", "at most 1 with accounting = classic", epsilon);
    return epsilon / std::sqrt(2 * std::log(1.5 / delta));
  }
  double low = 0, high = 1;
  while (gaussian_delta(epsilon, high) < delta && high < 1e6) high *= 2;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (gaussian_delta(epsilon, middle) <= delta ? low : high) = middle;
  }
  return low;
}

}  // namespace expunge
