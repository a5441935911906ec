#include "expunge/convex/comparison_parts.h"

#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"

namespace expunge {
namespace {

constexpr double kNotComputed = std::numeric_limits<double>::quiet_NaN();

std::vector<double> roots(std::vector<double> squares) {
  for (double& value : squares) value = std::sqrt(std::max(value, 0.0));
  return squares;
}

double moment_work(const LeastSquares& objective, int64_t steps) {
  const auto p = static_cast<double>(objective.z.size(1));
  return 2 * static_cast<double>(objective.z.size(0)) * p * p * static_cast<double>(steps);
}

StochasticObjective stochastic(const LeastSquares& objective) {
  return {objective.z, objective.y.contiguous(), {}, objective.penalty, Link::identity};
}

}  // namespace

void ComparisonOptions::validate() const {
  const auto at_least_one = [](const char* name, int64_t value) {
    require_option(value >= 1, name, "at least 1", static_cast<double>(value));
  };
  at_least_one("steps", steps);
  at_least_one("sgd_steps", sgd_steps);
  at_least_one("batch", batch);
  at_least_one("runs", runs);
  require_option(points >= 4, "points", "at least 4", static_cast<double>(points));
  require_option(ball_steps >= 0, "ball_steps", "at least 0", static_cast<double>(ball_steps));
  require_option(seed >= 0, "seed", "at least 0", static_cast<double>(seed));
  require_option(step > 0 && step < 2, "step", "above 0 and below 2", step);
  require_option(sgd_step > 0 && sgd_step <= 0.5, "sgd_step", "above 0 and at most 0.5", sgd_step);
  require_option(ascent >= 0 && std::isfinite(ascent), "ascent", "a finite number of at least 0",
                 ascent);
}

OptionGroup options_of(ComparisonOptions& options) {
  OptionGroup group("iterations", "Gradient methods");
  group.add("model", options.model,
            {{"ridge", LinearKind::ridge}, {"logistic", LinearKind::logistic}},
            "ridge regression (of classes: on their indicators), or logistic regression");
  group.add("steps", options.steps, "of methods that use all examples at once", "steps");
  group.add("step", options.step, "their size", "1 / largest eigenvalue");
  group.add("sgd_steps", options.sgd_steps, "of stochastic methods", "steps");
  group.add("sgd_step", options.sgd_step, "their size", "1 / L_B, the batch's expected smoothness");
  group.add("batch", options.batch, "of stochastic methods", "examples");
  group.add("runs", options.runs, "of each stochastic method, averaged", "runs");
  group.add("ascent", options.ascent,
            "weight of the forgotten examples' mean loss in ascent-descent");
  group.add("points", options.points, "at which curves are recorded", "points");
  group.add("ball_steps", options.ball_steps,
            "step sizes at which the noise ball is measured, each half of the one before", "steps");
  group.add("seed", options.seed, "of the stochastic methods");
  return group;
}

const char* theory_name(Theory theory) {
  switch (theory) {
    case Theory::none:
      return "none";
    case Theory::exact:
      return "exact";
    case Theory::mean_square:
      return "exact in mean square";
    case Theory::first_order:
      return "first order in the step";
    case Theory::linearised:
      return "linearised at the solution";
  }
  return "?";
}

void finish_curve(MethodCurve& curve, double unit) {
  curve.times.resize(curve.measured.size());
  curve.predicted.resize(std::min(curve.predicted.size(), curve.times.size()));
  curve.bound.resize(std::min(curve.bound.size(), curve.times.size()));
  curve.measured_rate = decay_rate(curve.times, curve.measured);
  if (!curve.predicted.empty()) {
    // In the same window: what is above rounding in the measurement.
    auto predicted = curve.predicted;
    for (size_t i = 0; i < predicted.size(); ++i) {
      if (!(curve.measured[i] > 1e-10 * curve.measured[0])) predicted[i] = 0;
    }
    curve.predicted_rate = decay_rate(curve.times, predicted);
  }
  for (auto* values : {&curve.measured, &curve.error, &curve.predicted, &curve.bound}) {
    for (double& value : *values) value /= unit;
  }
}

MethodCurve descent_curve(const std::string& name, const LinearIteration& theory,
                          const std::function<torch::Tensor(const torch::Tensor&)>& gradient,
                          const torch::Tensor& start, const torch::Tensor& reference,
                          const torch::Tensor& drift, double step,
                          const ComparisonOptions& options) {
  MethodCurve curve;
  curve.name = name;
  curve.step = step;
  curve.theory = Theory::exact;
  curve.times = recorded_times(options.steps, options.points);
  const auto error = start - reference;
  curve.measured = descend(gradient, start, reference, step, curve.times);
  curve.predicted = theory.distances(error, drift, step, curve.times);
  curve.largest = theory.largest();
  curve.smallest = drift.defined() ? theory.smallest() : theory.smallest_positive();
  finish_curve(curve, error.norm().item<double>());
  return curve;
}

MethodCurve sgd_curve(const std::string& name, const LeastSquares& objective,
                      const SgdMoments& theory, const torch::Tensor& start,
                      const torch::Tensor& reference, bool interpolates,
                      const ComparisonOptions& options, int64_t workers) {
  MethodCurve curve;
  curve.name = name;
  curve.step = options.sgd_step / theory.smoothness();
  curve.batch = options.batch;
  curve.times = recorded_times(options.sgd_steps, options.points);
  const auto error = start - reference;
  const auto measured = stochastic_descend(
      stochastic(objective), start, reference,
      {curve.step, options.batch, options.runs, static_cast<uint64_t>(options.seed), name, workers},
      curve.times);
  curve.measured = roots(measured.mean_square);
  for (size_t i = 0; i < curve.measured.size(); ++i) {
    curve.error.push_back(
        curve.measured[i] > 0 ? measured.standard_error[i] / (2 * curve.measured[i]) : 0);
  }
  const bool affordable = moment_work(objective, options.sgd_steps) <= kMostMomentWork;
  curve.theory = affordable ? Theory::mean_square : Theory::first_order;
  curve.predicted = roots(affordable ? theory.squared_distances(error, curve.step, curve.times)
                                     : theory.first_order(error, curve.step, curve.times));
  const double square = error.square().sum().item<double>();
  const double factor = interpolates ? theory.interpolation_factor(curve.step)
                                     : 1 - curve.step * theory.strong_convexity();
  const double ball = interpolates ? 0 : theory.ball_bound(curve.step);
  for (const int64_t t : curve.times)
    curve.bound.push_back(std::sqrt(std::pow(factor, static_cast<double>(t)) * square + ball));
  curve.bound_rate = -std::log(factor) / 2;
  curve.largest = theory.largest();
  curve.smallest = theory.strong_convexity();
  finish_curve(curve, std::sqrt(square));
  return curve;
}

void add_matching_curves(ConvexComparison& comparison, const torch::Tensor& z,
                         const torch::Tensor& start, const torch::Tensor& reference,
                         const ComparisonOptions& options, int64_t workers) {
  const LeastSquares matching{z, product(z, false, reference.contiguous(), false),
                              at::zeros({z.size(1)}, torch::kFloat64)};
  const SgdMoments theory(matching, reference, options.batch);
  comparison.curves.push_back(descent_curve(
      "matching, descent", theory.spectrum(),
      [&](const torch::Tensor& theta) { return matching.gradient(theta); }, start, reference, {},
      options.step / theory.largest(), options));
  comparison.curves.push_back(sgd_curve("matching, SGD", matching, theory, start, reference,
                                        /*interpolates=*/true, options, workers));
}

void add_noise_balls(
    ConvexComparison& comparison, const StochasticObjective& objective,
    const torch::Tensor& reference, double largest_step, const ComparisonOptions& options,
    int64_t workers,
    const std::function<double(double step, std::span<const int64_t> times)>& predict,
    const std::function<double(double step)>& first_order,
    const std::function<double(double step)>& bound) {
  std::vector<double> steps, measured, predicted;
  for (int64_t i = 0; i < options.ball_steps; ++i) {
    NoiseBall ball;
    ball.step = std::ldexp(largest_step, -static_cast<int>(i));
    // The same distance for all: steps x their size. The smallest takes sgd_steps.
    ball.steps = std::max<int64_t>(2, options.sgd_steps >> (options.ball_steps - 1 - i));
    std::vector<int64_t> times;
    constexpr int64_t records = 32;
    for (int64_t r = 0; r <= records; ++r) {
      const int64_t t = ball.steps / 2 + (ball.steps - ball.steps / 2) * r / records;
      if (times.empty() || t > times.back()) times.push_back(t);
    }
    const auto curve = stochastic_descend(
        objective, reference, reference,
        {ball.step, options.batch, options.runs, static_cast<uint64_t>(options.seed),
         fmt::format("noise ball {}", i), workers},
        times);
    for (size_t t = 0; t < times.size(); ++t) {
      ball.measured += curve.mean_square[t] / static_cast<double>(times.size());
      // Times of one run are alike: as if they told no more than one of them.
      ball.error += curve.standard_error[t] / static_cast<double>(times.size());
    }
    ball.predicted = predict ? predict(ball.step, times) : kNotComputed;
    ball.first_order = first_order ? first_order(ball.step) : kNotComputed;
    ball.bound = bound ? bound(ball.step) : kNotComputed;
    steps.push_back(ball.step);
    measured.push_back(ball.measured);
    predicted.push_back(ball.predicted);
    comparison.balls.push_back(ball);
  }
  comparison.ball_slope = log_slope(steps, measured);
  comparison.predicted_ball_slope = log_slope(steps, predicted);
}

double log_slope(std::span<const double> x, std::span<const double> y) {
  double mx = 0, my = 0, xx = 0, xy = 0;
  const auto count = static_cast<double>(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    mx += std::log(x[i]) / count;
    my += std::log(y[i]) / count;
  }
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (std::log(x[i]) - mx) * (std::log(x[i]) - mx);
    xy += (std::log(x[i]) - mx) * (std::log(y[i]) - my);
  }
  return xx > 0 ? xy / xx : kNotComputed;
}

}  // namespace expunge
