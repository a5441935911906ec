#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <optional>

#include "expunge/convex/comparison_parts.h"
#include "expunge/convex/ridge_removal.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/data/forget_set.h"

namespace expunge {
namespace {

// Of the examples given, in fixed coordinates, with the roots of their weights.
LeastSquares squares_of(const Table& table, std::span<const int64_t> rows,
                        const Coordinates& coordinates, int64_t p, const torch::Tensor& penalty) {
  const auto part = table.rows(rows);
  LeastSquares objective;
  objective.z = design_matrix(part, coordinates).narrow(1, 0, p).contiguous();
  objective.y = part.weights.defined() ? part.y * part.weights.sqrt().unsqueeze(1) : part.y;
  objective.penalty = penalty / static_cast<double>(part.size());
  return objective;
}

}  // namespace

ConvexComparison compare_ridge(const Table& table, std::span<const int64_t> forget,
                               const LinearOptions& ridge, const ComparisonOptions& options,
                               int64_t workers,
                               const std::function<void(const std::string&)>& progress) {
  options.validate();
  const auto tell = [&](const char* what) {
    if (progress) progress(what);
  };
  tell("closed forms");
  check_forget_set(forget, table.size(), "forget set");
  ConvexComparison found;
  found.n = table.size();
  found.features = table.features();
  found.outputs = table.outputs();
  found.forgotten = static_cast<int64_t>(forget.size());
  std::optional<RidgeState> fitted;
  const double fit_seconds = seconds_of([&] { fitted = RidgeState::fit(table, ridge, workers); });
  const auto& state = *fitted;
  std::optional<RidgeRemoval> removed;
  RemovalOptions removal_options;
  removal_options.workers = workers;
  const double removal_seconds =
      seconds_of([&] { removed = RidgeRemoval::of(state, table, forget, removal_options); });
  const auto& removal = *removed;
  const auto& coordinates = removal.coordinates();
  found.method = downdate_name(removal.method());
  found.full = state.model();
  found.unlearned = removal.model();

  // Retraining, by sums over R.
  removal_options.method = Downdate::rebuild;
  std::optional<RidgeRemoval> again;
  const double retrain_seconds =
      seconds_of([&] { again = RidgeRemoval::of(state, table, forget, removal_options); });
  const auto retrained = again->model().in(coordinates);
  found.condition = condition_number(again->state()->matrix());
  found.relative_error =
      ((removal.theta() - retrained).norm() / retrained.norm().clamp_min(1e-300)).item<double>();
  const auto here = [&](const torch::Tensor& theta) {
    return LinearModel::from(theta, state.coordinates()).in(coordinates);
  };
  const auto full = here(state.theta());
  found.distance = (full - removal.theta()).norm().item<double>();
  const double rounding = std::max(1e-13, 2 * found.relative_error);
  if (!(found.distance > rounding * removal.theta().norm().item<double>())) {
    fail<InputError>(
        "forget set: examples that move the model by more than rounding required, got none: it is "
        "the same without them");
  }
  const auto add = [&](const std::string& name, const torch::Tensor& theta, double seconds) {
    found.closed_forms.push_back(
        {name, ((theta - retrained).norm() / found.distance).item<double>(), seconds});
  };
  add("do nothing", full, 0);
  torch::Tensor influence, newton;
  const double influence_seconds =
      seconds_of([&] { influence = influence_step(state, table, forget); });
  const double newton_seconds =
      seconds_of([&] { newton = newton_step(state, table, forget, workers); });
  add("influence step", here(influence), influence_seconds);
  if (state.options().standardise != Standardise::again)
    add("Newton step", here(newton), newton_seconds);
  add("exact removal", removal.theta(), removal_seconds);
  add("retraining", retrained, retrain_seconds);
  found.closed_forms.push_back({"the full model's fit", 1, fit_seconds});

  const int64_t p = state.p();
  const auto start = full.narrow(0, 0, p).contiguous();
  const auto reference = removal.theta().narrow(0, 0, p).contiguous();
  const auto retain_rows = retain_indices(forget, table.size());
  const auto retain = squares_of(table, retain_rows, coordinates, p, state.penalty());
  const auto forgotten = squares_of(table, forget, coordinates, p, at::zeros({p}, torch::kFloat64));
  const SgdMoments theory(retain, reference, options.batch);
  const double step = options.step / theory.largest();

  tell("descent on the retain loss");
  found.curves.push_back(descent_curve(
      "retain loss, descent", theory.spectrum(),
      [&](const torch::Tensor& theta) { return retain.gradient(theta); }, start, reference, {},
      step, options));
  tell("ascent-descent");
  const LinearIteration both(retain.hessian() - options.ascent * forgotten.hessian());
  found.curves.push_back(descent_curve(
      "ascent-descent", both,
      [&](const torch::Tensor& theta) {
        return retain.gradient(theta) - options.ascent * forgotten.gradient(theta);
      },
      start, reference, options.ascent * forgotten.gradient(reference), step, options));
  tell("SGD on the retain loss");
  found.curves.push_back(sgd_curve("retain loss, SGD", retain, theory, start, reference,
                                   /*interpolates=*/false, options, workers));
  tell("matching");
  add_matching_curves(found, design_matrix(table, coordinates).narrow(1, 0, p).contiguous(), start,
                      reference, options, workers);

  if (options.ball_steps > 0) {
    tell("noise balls");
    const auto records = 2 * static_cast<double>(retain.z.size(0)) * static_cast<double>(p * p);
    const bool affordable = records * static_cast<double>(2 * options.sgd_steps) <= kMostMomentWork;
    found.ball_theory = affordable ? Theory::mean_square : Theory::first_order;
    const auto none = at::zeros_like(reference);
    add_noise_balls(
        found, {retain.z, retain.y.contiguous(), {}, retain.penalty, Link::identity}, reference,
        options.sgd_step / theory.smoothness(), options, workers,
        [&](double s, std::span<const int64_t> times) {
          const auto squares = affordable ? theory.squared_distances(none, s, times)
                                          : theory.first_order(none, s, times);
          double mean = 0;
          for (const double value : squares) mean += value / static_cast<double>(squares.size());
          return mean;
        },
        [&](double s) { return theory.first_order_stationary(s); },
        [&](double s) { return theory.ball_bound(s); });
  }
  return found;
}

}  // namespace expunge
