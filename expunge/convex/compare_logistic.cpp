#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <optional>

#include "expunge/convex/comparison_parts.h"
#include "expunge/convex/logistic.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/data/forget_set.h"

namespace expunge {
namespace {

constexpr int64_t kMostDense = 1200;  // coefficients of which a Hessian is written out

// H(theta) with coefficients in the order of rows, (q k, q k).
torch::Tensor dense_hessian(const LogisticObjective& objective, const torch::Tensor& theta) {
  const int64_t size = theta.numel();
  auto hessian = at::zeros({size, size}, torch::kFloat64);
  const auto units = at::eye(size, torch::kFloat64);
  for (int64_t i = 0; i < size; ++i)
    hessian[i].copy_(
        objective.hessian_times(theta, units[i].view(theta.sizes()).contiguous()).reshape({-1}));
  return (hessian + hessian.t()) / 2;
}

// Trace of H^-1 C, C the second moment of single examples' gradients at the solution. The direction that no
// loss sees, all intercepts at once, has an eigenvalue of 0 and no noise.
double noise_trace(const LogisticObjective& objective, const torch::Tensor& theta,
                   const LinearIteration& spectrum, const torch::Tensor& targets) {
  const auto logits = product(objective.design(), false, theta, false);
  const auto p = theta.size(1) == 1 ? at::sigmoid(logits) : at::softmax(logits, 1);
  const auto errors = (p - targets) * objective.weights().unsqueeze(1);  // (n, k)
  const auto& z = objective.design();
  const double n = static_cast<double>(z.size(0));
  const auto penalty = objective.penalty() * theta / n;  // (q, k)
  const auto& v = spectrum.vectors();                    // (q k, q k)
  double sum = 0;
  const double rounding = spectrum.smallest_positive() / 2;
  constexpr int64_t block = 1024;
  auto additive = at::zeros({theta.numel()}, torch::kFloat64);
  for (int64_t begin = 0; begin < z.size(0); begin += block) {
    const int64_t count = std::min(block, z.size(0) - begin);
    const auto gradients =
        (z.narrow(0, begin, count).unsqueeze(2) * errors.narrow(0, begin, count).unsqueeze(1)) +
        penalty;
    additive +=
        product(gradients.reshape({count, -1}).contiguous(), false, v, false).square().sum(0) / n;
  }
  for (int64_t j = 0; j < additive.size(0); ++j) {
    const double value = spectrum.values()[static_cast<size_t>(j)];
    if (value > rounding) sum += additive[j].item<double>() / value;
  }
  return sum;
}

}  // namespace

ConvexComparison compare_logistic(const Table& table, std::span<const int64_t> forget,
                                  const LinearOptions& linear, const ComparisonOptions& options,
                                  int64_t workers,
                                  const std::function<void(const std::string&)>& progress) {
  options.validate();
  if (linear.standardise == Standardise::again)
    fail<OptionError>(
        "option standardise: none or fixed required with model = logistic, got again");
  table.validate(table.name.empty() ? "table" : table.name);
  if (!table.labels.defined())
    fail<InputError>("logistic regression: labels of classes required, got numbers");
  check_forget_set(forget, table.size(), "forget set");
  const auto tell = [&](const char* what) {
    if (progress) progress(what);
  };
  tell("logistic regression");
  ConvexComparison found;
  found.model = LinearKind::logistic;
  found.n = table.size();
  found.features = table.features();
  found.forgotten = static_cast<int64_t>(forget.size());
  const auto weights = table.weights_or_ones();
  const auto coordinates = linear.standardise == Standardise::none
                               ? Coordinates::identity(table.features())
                               : Coordinates::of(table.x, weights);
  Table unweighted = table;
  unweighted.weights = torch::Tensor();
  LogisticOptions logistic;
  logistic.lambda = linear.lambda;
  logistic.intercept = linear.intercept;
  const LogisticObjective full(design_matrix(unweighted, coordinates), table.labels,
                               static_cast<int64_t>(table.class_names.size()), weights, logistic);
  const auto retain_rows = retain_indices(forget, table.size());
  const auto at = index_tensor(retain_rows);
  // R's rows alone: sums over them, and means too.
  const LogisticObjective retain(
      full.design().index_select(0, at), table.labels.index_select(0, at),
      static_cast<int64_t>(table.class_names.size()), weights.index_select(0, at), logistic);
  LogisticFit fit, retrained;
  const double fit_seconds = seconds_of([&] { fit = minimise(full); });
  tell("retraining");
  const double retrain_seconds = seconds_of([&] { retrained = minimise(retain); });
  const auto& start = fit.theta;
  const auto& reference = retrained.theta;
  found.outputs = start.size(1);
  found.method = "retraining";
  found.full = LinearModel::from(start, coordinates);
  found.unlearned = LinearModel::from(reference, coordinates);
  found.distance = (start - reference).norm().item<double>();
  if (!(found.distance > 1e-11 * reference.norm().item<double>())) {
    fail<InputError>(
        "forget set: examples that move the model by more than rounding required, got none: it is "
        "the same without them");
  }
  const auto add = [&](const std::string& name, const torch::Tensor& theta, double seconds) {
    found.closed_forms.push_back(
        {name, ((theta - reference).norm() / found.distance).item<double>(), seconds});
  };
  tell("influence and Newton steps");
  torch::Tensor influence, newton, second;
  add("do nothing", start, 0);
  const double influence_seconds =
      seconds_of([&] { influence = influence_removal(full, retain, start); });
  add("influence step", influence, influence_seconds);
  const double newton_seconds = seconds_of([&] { newton = newton_removal(retain, start); });
  add("Newton step", newton, newton_seconds);
  const double second_seconds = seconds_of([&] { second = newton_removal(retain, newton); });
  add("two Newton steps", second, newton_seconds + second_seconds);
  add("retraining", reference, retrain_seconds);
  found.closed_forms.push_back({"the full model's fit", 1, fit_seconds});

  const double n = static_cast<double>(retain_rows.size());
  const int64_t k = start.size(1);
  // |H| <= 1/4 |z|^2 for two classes, 1/2 |z|^2 for more (Boehning, 1992).
  const double curvature = k == 1 ? 0.25 : 0.5;
  const auto weighted = (retain.design() * retain.weights().sqrt().unsqueeze(1)).contiguous();
  const LinearIteration squares(product(weighted, true, weighted, false) / n);
  const double largest = curvature * squares.largest() + linear.lambda / n;
  const double single =
      curvature * weighted.square().sum(1).max().item<double>() + linear.lambda / n;
  const double step = options.step / largest;
  const auto gradient = [&](const torch::Tensor& theta) { return retain.gradient(theta) / n; };
  const auto forgotten_at = index_tensor(forget);
  const double f = static_cast<double>(forget.size());
  auto no_penalty = logistic;
  no_penalty.lambda = std::numeric_limits<double>::min();
  const LogisticObjective forgotten(full.design().index_select(0, forgotten_at),
                                    table.labels.index_select(0, forgotten_at),
                                    static_cast<int64_t>(table.class_names.size()),
                                    weights.index_select(0, forgotten_at), no_penalty);
  const auto both_gradients = [&](const torch::Tensor& theta) {
    return gradient(theta) - options.ascent / f * forgotten.gradient(theta);
  };

  const bool dense = start.numel() <= kMostDense;
  std::optional<LinearIteration> local, both;
  if (dense) {
    const auto hessian = dense_hessian(retain, reference) / n;
    local.emplace(hessian);
    both.emplace(hessian - options.ascent / f * dense_hessian(forgotten, reference));
  }
  const auto flat = [](const torch::Tensor& x) { return x.reshape({-1, 1}).contiguous(); };
  const auto error = flat(start - reference);
  const auto curve_of = [&](const char* name, const LinearIteration* theory, const auto& by,
                            const torch::Tensor& drift) {
    tell(name);
    MethodCurve curve;
    curve.name = name;
    curve.step = step;
    curve.times = recorded_times(options.steps, options.points);
    curve.measured = descend(by, start, reference, step, curve.times);
    curve.largest = largest;
    curve.smallest = linear.lambda / n;
    if (theory != nullptr) {
      curve.theory = Theory::linearised;
      curve.predicted = theory->distances(error, drift, step, curve.times);
      curve.smallest = drift.defined() ? theory->smallest() : theory->smallest_positive();
      curve.largest = theory->largest();
    }
    finish_curve(curve, found.distance);
    found.curves.push_back(curve);
  };
  curve_of("retain loss, descent", local ? &*local : nullptr, gradient, {});
  curve_of("ascent-descent", both ? &*both : nullptr, both_gradients,
           flat(options.ascent / f * forgotten.gradient(reference)));

  // Of R, whose rows keep their weights as factors of the gradients.
  const auto retained_labels = table.labels.index_select(0, at);
  auto targets =
      k == 1 ? retained_labels.to(torch::kFloat64).unsqueeze(1) : table.y.index_select(0, at);
  StochasticObjective objective{
      retain.design().contiguous(), targets.contiguous(),
      table.weights.defined() ? retain.weights().contiguous() : torch::Tensor(),
      (retain.penalty().squeeze(1) / n).contiguous(), k == 1 ? Link::logistic : Link::softmax};
  const double b = static_cast<double>(options.batch);
  const double smoothness = single / b + (1 - 1 / b) * largest;
  const double sgd_step = options.sgd_step / smoothness;
  tell("SGD on the retain loss");
  MethodCurve sgd;
  sgd.name = "retain loss, SGD";
  sgd.step = sgd_step;
  sgd.batch = options.batch;
  sgd.times = recorded_times(options.sgd_steps, options.points);
  const auto curve = stochastic_descend(objective, start, reference,
                                        {sgd_step, options.batch, options.runs,
                                         static_cast<uint64_t>(options.seed), sgd.name, workers},
                                        sgd.times);
  for (size_t i = 0; i < sgd.times.size(); ++i) {
    sgd.measured.push_back(std::sqrt(curve.mean_square[i]));
    sgd.error.push_back(curve.mean_square[i] > 0 ? curve.standard_error[i] / (2 * sgd.measured[i])
                                                 : 0);
  }
  sgd.largest = local ? local->largest() : largest;
  sgd.smallest = local ? local->smallest_positive() : linear.lambda / n;
  finish_curve(sgd, found.distance);
  found.curves.push_back(sgd);

  // Matching is a quadratic whatever the loss: its targets are logits.
  tell("matching");
  const auto all = linear.intercept ? full.design() : full.design().narrow(1, 0, full.rows() - 1);
  const int64_t p = all.size(1);
  add_matching_curves(found, (all * weights.sqrt().unsqueeze(1)).contiguous(),
                      start.narrow(0, 0, p).contiguous(), reference.narrow(0, 0, p).contiguous(),
                      options, workers);

  if (options.ball_steps > 0) {
    tell("noise balls");
    const double trace = dense ? noise_trace(retain, reference, *local, targets) : 0;
    found.ball_theory = dense ? Theory::first_order : Theory::none;
    const std::function<double(double)> first_order = [&](double s) { return s / (2 * b) * trace; };
    add_noise_balls(found, objective, reference, sgd_step, options, workers, {},
                    dense ? first_order : std::function<double(double)>(), {});
  }
  return found;
}

}  // namespace expunge
