// How far apart two Gaussian vectors may lie for one not to be told from the other.
#pragma once

namespace expunge {

/// How a distance between means is turned into (epsilon, delta).
enum class Accounting {
  /// c = sqrt(2 ln(1.5 / delta)), shift = epsilon / c: theorem 3 of Guo et al. (arXiv 1911.03030), for
  /// epsilon up to 1.
  classic,
  /// The largest shift whose exact curve delta(epsilon) stays below delta: Balle, Wang
  /// (arXiv 1805.06530), theorem 8, for every epsilon.
  analytic,
};

/// Smallest delta for which N(0, s^2) and N(a, s^2) with |a| = shift s are (epsilon, delta)-close:
/// Phi(shift/2 - epsilon/shift) - e^epsilon Phi(-shift/2 - epsilon/shift).
double gaussian_delta(double epsilon, double shift);

/// The largest |a| / s that (epsilon, delta) allows. OptionError unless epsilon > 0 and 0 < delta < 1, and
/// for classic epsilon <= 1.
double allowed_shift(double epsilon, double delta, Accounting accounting);

}  // namespace expunge
