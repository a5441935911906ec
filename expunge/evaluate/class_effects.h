// What one more left-out example of a class does to the margins of a class: class by class, from the
// random differences between the subset models' masks.
//
// d_a: how many examples of class a a model was trained without, as a deviation from what was expected;
// t_b: the mean margin of points of class b under it, in standard deviations of the point. The effect of
// a on b is the slope of t_b on d_a over the models, with the variance of its residuals over (N - 2) times
// the squared length of d_a, less its mean.
//
// With few models slopes are noisy, and C^2 of them are asked for. So the C effects of a class on itself
// are shrunk towards their mean, and so are the C (C - 1) effects on others, by as much as their noise
// asks for: empirical Bayes with a normal prior (Efron and Morris, JASA 1973),
//     mu = sum of x / v over sum of 1 / v,   tau^2 = max(0, mean of (x - mu)^2 - mean of v),
//     x <- mu + tau^2 / (tau^2 + v) (x - mu),   v the noise variance of x.
//
// Legend: N models, C classes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace expunge {

/// Values shrunk to their common mean as above; values and variances of one length, variances above 0.
/// One value, or none, stays as it is.
std::vector<double> shrunk_to_mean(std::span<const double> values,
                                   std::span<const double> variances);

class ClassEffects {
 public:
  /// left_out (N, C): d; margins (N, C): t. N >= 3. A class that every model was left as much of has no
  /// effect. Throws Error if the sizes do not fit.
  ClassEffects(std::span<const double> left_out, std::span<const double> margins, int64_t classes);

  /// The effect of leaving out one example of class `from` on the points of class `on`, in standard
  /// deviations.
  [[nodiscard]] double effect(int64_t from, int64_t on) const {
    return effects_[static_cast<size_t>(from * classes_ + on)];
  }

 private:
  int64_t classes_;
  std::vector<double> effects_;
};

}  // namespace expunge
