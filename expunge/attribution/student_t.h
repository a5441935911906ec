// Student's t distribution: how often chance alone gives an effect so many standard errors large.
#pragma once

namespace expunge {

/// P(|T| > |t|), T of Student's distribution with `freedom` degrees of freedom, in [0, 1]; 0 for
/// infinite t. It is the regularised incomplete beta function I_x(freedom / 2, 1 / 2) at x =
/// freedom / (freedom + t^2) (Abramowitz and Stegun, 26.7.1 and 26.5), by its continued fraction.
/// Error unless freedom > 0; NonFiniteError if t is NaN.
double student_t_tail(double t, double freedom);

/// The t > 0 whose student_t_tail() is `tail`, which lies in (0, 1); by bisection, to 1e-9 of t.
/// Error for what is out of range.
double student_t_threshold(double tail, double freedom);

}  // namespace expunge
