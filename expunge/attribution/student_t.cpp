#include "expunge/attribution/student_t.h"

#include <cmath>

#include "expunge/core/error.h"
#include "expunge/core/log_gamma.h"

namespace expunge {
namespace {

// Abramowitz and Stegun 26.5.8 by Lentz's method, for x below about a / (a + b), where it converges
// in a few dozen steps.
double beta_fraction(double x, double a, double b) {
  constexpr double tiny = 1e-300;
  const auto away_from_zero = [](double v) { return std::abs(v) < tiny ? tiny : v; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double value = d;
  for (int m = 1; m < 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    value *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    value *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return value;
}

// I_x(a, b), with 1 - x at hand where it is known better than by subtraction.
double incomplete_beta(double x, double rest, double a, double b) {
  if (x <= 0) return 0;
  if (rest <= 0) return 1;
  const double front = std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) +
                                b * std::log(rest));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
  return 1 - front * beta_fraction(rest, b, a) / b;
}

}  // namespace

double student_t_tail(double t, double freedom) {
  if (!(freedom > 0)) fail("Student's t: degrees of freedom above 0 required, got {}", freedom);
  if (std::isnan(t)) fail<NonFiniteError>("Student's t: a number required, got NaN");
  const double square = t * t;
  if (std::isinf(square)) return 0;
  return incomplete_beta(freedom / (freedom + square), square / (freedom + square), freedom / 2,
                         0.5);
}

double student_t_threshold(double tail, double freedom) {
  if (!(tail > 0 && tail < 1)) fail("Student's t: a tail in (0, 1) required, got {}", tail);
  double low = 0;
  double high = 1;
  while (student_t_tail(high, freedom) > tail) high *= 2;
  for (int step = 0; step < 200 && high - low > 1e-10 * high; ++step) {
    const double middle = (low + high) / 2;
    (student_t_tail(middle, freedom) > tail ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace expunge
