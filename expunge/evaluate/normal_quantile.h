// What 95% intervals are made of.
#pragma once

namespace expunge {

/// The quantile of probability 0.975 of the standard normal distribution: half the width, in standard
/// errors, of a two-sided 95% interval.
inline constexpr double kNormalQuantile = 1.959963984540054;

}  // namespace expunge
