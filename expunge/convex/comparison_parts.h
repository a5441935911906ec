// What both comparisons (comparison.h) are made of.
#pragma once

#include <chrono>

#include "expunge/convex/comparison.h"
#include "expunge/convex/iterations.h"
#include "expunge/convex/linear_iteration.h"
#include "expunge/convex/sgd_moments.h"

namespace expunge {

/// Multiply-adds up to which the exact second moment is followed.
inline constexpr double kMostMomentWork = 1.5e11;

/// Seconds that `action` takes.
template <class Action>
double seconds_of(const Action& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Fills rates, and turns distances into units of `unit`.
void finish_curve(MethodCurve& curve, double unit);

/// Gradient descent on a quadratic, measured and predicted; `drift` as in linear_iteration.h.
MethodCurve descent_curve(const std::string& name, const LinearIteration& theory,
                          const std::function<torch::Tensor(const torch::Tensor&)>& gradient,
                          const torch::Tensor& start, const torch::Tensor& reference,
                          const torch::Tensor& drift, double step,
                          const ComparisonOptions& options);

/// SGD on a quadratic, measured, predicted and bounded.
MethodCurve sgd_curve(const std::string& name, const LeastSquares& objective,
                      const SgdMoments& theory, const torch::Tensor& start,
                      const torch::Tensor& reference, bool interpolates,
                      const ComparisonOptions& options, int64_t workers);

/// Both methods on the matching objective: mean over the rows z of half |theta' z - theta_*' z|^2.
void add_matching_curves(ConvexComparison& comparison, const torch::Tensor& z,
                         const torch::Tensor& start, const torch::Tensor& reference,
                         const ComparisonOptions& options, int64_t workers);

/// SGD from the solution at several steps; `predict` and `bound` may be empty.
void add_noise_balls(
    ConvexComparison& comparison, const StochasticObjective& objective,
    const torch::Tensor& reference, double largest_step, const ComparisonOptions& options,
    int64_t workers,
    const std::function<double(double step, std::span<const int64_t> times)>& predict,
    const std::function<double(double step)>& first_order,
    const std::function<double(double step)>& bound);

/// Of ln y on ln x, by least squares.
double log_slope(std::span<const double> x, std::span<const double> y);

}  // namespace expunge
