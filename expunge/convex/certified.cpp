#include "expunge/convex/certified.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <vector>

#include "expunge/convex/digest.h"
#include "expunge/convex/logistic.h"
#include "expunge/core/blas.h"
#include "expunge/core/gemm.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"
#include "expunge/data/forget_set.h"

namespace expunge {
namespace {

const double kThird = 1 / (6 * std::sqrt(3.0));  // max |loss'''|

// Rows of length at most 1, the constant among the features.
torch::Tensor bounded_rows(const Table& table, bool intercept) {
  auto x = at::ones({table.size(), table.features() + 1}, torch::kFloat64);
  x.narrow(1, 0, table.features()).copy_(table.x);
  if (!intercept) x.select(1, table.features()).zero_();
  return x.div_(x.norm(2, 1, true).clamp_min(1));
}

int64_t columns_of(const Table& table) {
  return table.outputs() == 2 ? 1 : table.outputs();
}

// One class against the others, on the examples whose weight is not 0.
LogisticObjective column_objective(const torch::Tensor& x, const Table& table, int64_t column,
                                   const torch::Tensor& weights, const CertifiedOptions& options) {
  const int64_t label = columns_of(table) == 1 ? 1 : column;
  LogisticOptions logistic;
  logistic.lambda = options.lambda;
  logistic.intercept_penalised = true;
  return {x, table.labels.eq(label).to(torch::kInt64), 2, weights, logistic};
}

torch::Tensor gaussian(int64_t rows, int64_t columns, double sigma, uint64_t seed,
                       std::string_view role, uint64_t index) {
  CounterRng random(derive_seed(seed, role, index));
  auto noise = at::empty({rows, columns}, torch::kFloat64);
  auto* values = noise.data_ptr<double>();
  for (int64_t i = 0; i < noise.numel(); ++i) values[i] = sigma * random.normal();
  return noise;
}

double spectral_norm(const torch::Tensor& x) {
  const BlasTurn turn;
  return std::sqrt(
      std::max(0.0, at::linalg_eigvalsh(product(x, true, x, false))[-1].item<double>()));
}

double root(double square) {
  return std::sqrt(square);
}

}  // namespace

void CertifiedOptions::validate() const {
  allowed_shift(epsilon, delta, accounting);
  require_option(sigma > 0 && std::isfinite(sigma), "sigma", "a finite number above 0", sigma);
  require_option(lambda > 0 && std::isfinite(lambda), "lambda", "a finite number above 0", lambda);
  require_option(most_steps >= 1, "most_steps", "at least 1", static_cast<double>(most_steps));
}

OptionGroup options_of(CertifiedOptions& options) {
  OptionGroup group("certified", "Certified removal");
  group.add(
      "method", options.method,
      {{"newton", CertifiedMethod::newton}, {"descent", CertifiedMethod::descent}},
      "newton: a noisy objective, then a Newton step a removal; descent: gradient steps, and noise "
      "on what is published");
  group.add("epsilon", options.epsilon,
            "how far probabilities may differ, as a logarithm of their ratio", "nats");
  group.add("delta", options.delta, "probability with which they may differ by more");
  group.add("sigma", options.sigma, "standard deviation of the noise");
  group.add("lambda", options.lambda, "penalty on half the squared coefficients");
  group.add("intercept", options.intercept, "a constant among the features");
  group.add(
      "accounting", options.accounting,
      {{"classic", Accounting::classic}, {"analytic", Accounting::analytic}},
      "how (epsilon, delta) bounds the residual: classic for epsilon up to 1, analytic for all");
  group.add("bound", options.bound,
            {{"worst_case", ResidualBound::worst_case},
             {"data_dependent", ResidualBound::data_dependent}},
            "what a removal is charged with");
  group.add("most_steps", options.most_steps, "gradient steps that a removal by descent may take",
            "steps");
  return group;
}

double CertifiedModel::budget() const {
  return options_.sigma * allowed_shift(options_.epsilon, options_.delta, options_.accounting);
}

void CertifiedModel::require_table(const Table& table) const {
  if (table.size() != removed_.size(0) || digest_of(table) != table_digest_)
    fail<InputError>("certified model: the table that it was trained on required, got another");
}

CertifiedModel CertifiedModel::train(const Table& table, const CertifiedOptions& options,
                                     uint64_t seed, int64_t workers) {
  options.validate();
  table.validate(table.name.empty() ? "table" : table.name);
  if (!table.labels.defined())
    fail<InputError>("certified removal: labels of classes required, got numbers");
  if (table.outputs() < 2)
    fail<InputError>("certified removal: two classes required, got {}", table.outputs());
  if (table.weights.defined())
    fail<InputError>("certified removal: examples of one weight required, got weights");
  CertifiedModel model;
  model.options_ = options;
  model.seed_ = options.method == CertifiedMethod::descent ? seed : 0;  // newton needs it no more
  model.table_digest_ = digest_of(table);
  model.removed_ = at::zeros({table.size()}, torch::kBool);
  const auto x = bounded_rows(table, options.intercept);
  const auto weights = at::ones({table.size()}, torch::kFloat64);
  const bool newton = options.method == CertifiedMethod::newton;
  std::vector<LogisticFit> fits(static_cast<size_t>(columns_of(table)));
  parallel_for(columns_of(table), workers, [&](int64_t c) {
    auto objective = column_objective(x, table, c, weights, options);
    if (newton) {
      objective = objective.tilted(gaussian(x.size(1), 1, options.sigma, seed,
                                            "certified objective", static_cast<uint64_t>(c)));
    }
    fits[static_cast<size_t>(c)] = minimise(objective);
  });
  std::vector<torch::Tensor> columns;
  double left = 0;
  for (const auto& fit : fits) {
    columns.push_back(fit.theta);
    left += fit.gradient_norm * fit.gradient_norm;
  }
  model.theta_ = at::cat(columns, 1).contiguous();
  // What the minimiser left is no exact optimum either, and is charged.
  model.spent_ = newton ? root(left) : root(left) / options.lambda;
  if (model.spent_ > model.budget())
    throw BudgetError(
        "certified removal: the solver leaves more than the budget: a larger sigma is needed");
  return model;
}

CertifiedStep CertifiedModel::remove(const Table& table, std::span<const int64_t> forget,
                                     int64_t workers) {
  require_table(table);
  check_forget_set(forget, table.size(), "forget set");
  const auto mask = forget_mask(forget, table.size());
  const auto twice = mask.logical_and(removed_).nonzero();
  if (twice.size(0) > 0)
    fail<InputError>("forget set: index {} was removed before", twice[0][0].item<int64_t>());
  const auto removed = removed_.logical_or(mask);
  if (removed.all().item<bool>())
    fail<InputError>("forget set: nothing would be left: at least one example must be retained");
  const auto left = removed.logical_not().to(torch::kFloat64);
  const auto x = bounded_rows(table, options_.intercept);
  const auto count = static_cast<int64_t>(forget.size());
  const auto step = options_.method == CertifiedMethod::newton
                        ? remove_by_newton(x, table, left, count, workers)
                        : remove_by_descent(x, table, left, count);
  removed_ = removed;
  ++removals_;
  return step;
}

CertifiedStep CertifiedModel::remove_by_newton(const torch::Tensor& x, const Table& table,
                                               const torch::Tensor& left, int64_t count,
                                               int64_t workers) {
  const auto before = removed_.logical_not().to(torch::kFloat64);
  const auto retained = x * left.unsqueeze(1);
  const double norm = spectral_norm(retained);
  CertifiedStep step;
  step.removed = count;
  struct Column {
    double ours = 0, theirs = 0, measured = 0;  // squared
    torch::Tensor theta;
  };
  std::vector<Column> found(static_cast<size_t>(theta_.size(1)));
  parallel_for(theta_.size(1), workers, [&](int64_t c) {
    auto& column = found[static_cast<size_t>(c)];
    const auto theta = theta_.narrow(1, c, 1).contiguous();
    const auto objective = column_objective(x, table, c, left, options_);
    // The gradients of F, so that what earlier steps left, and b, stay out of it.
    const auto gone =
        column_objective(x, table, c, before, options_).gradient(theta) - objective.gradient(theta);
    const auto d = objective.hessian_solve(theta, gone).contiguous();
    const auto moved = product(retained, false, d, false).squeeze(1);
    column.ours = std::pow(kThird / 2 * norm * moved.square().norm().item<double>(), 2);
    column.theirs =
        std::pow(kThird * norm * d.norm().item<double>() * moved.norm().item<double>(), 2);
    const auto next = (theta + d).contiguous();
    const auto residual = objective.gradient(next) - (objective.gradient(theta) + gone);
    column.measured = residual.square().sum().item<double>();
    column.theta = next;
  });
  double ours = 0, theirs = 0, measured = 0;
  std::vector<torch::Tensor> columns;
  for (const auto& column : found) {
    ours += column.ours;
    theirs += column.theirs;
    measured += column.measured;
    columns.push_back(column.theta);
  }
  const double norm_of_d = static_cast<double>(count) / options_.lambda;
  step.worst_case = kThird / 2 * left.sum().item<double>() * norm_of_d * norm_of_d *
                    root(static_cast<double>(theta_.size(1)));
  step.data_dependent = root(ours);
  step.corollary_1 = root(theirs);
  step.measured = root(measured);
  step.spent = spent_ + (options_.bound == ResidualBound::worst_case ? step.worst_case
                                                                     : step.data_dependent);
  if (!(step.spent <= budget())) {
    throw BudgetError(fmt::format(
        "certified removal: a residual of at most {:.6g} is covered by epsilon {} and delta {}, "
        "this "
        "removal would bring it to {:.6g}: train again without the {} examples removed so far and "
        "these",
        budget(), options_.epsilon, options_.delta, step.spent, removed_.sum().item<int64_t>()));
  }
  theta_ = at::cat(columns, 1).contiguous();
  spent_ = step.spent;
  return step;
}

CertifiedStep CertifiedModel::remove_by_descent(const torch::Tensor& x, const Table& table,
                                                const torch::Tensor& left, int64_t count) {
  CertifiedStep step;
  step.removed = count;
  const double norm = spectral_norm(x);
  const double most = options_.lambda + norm * norm / 4;
  const double shrink = (most - options_.lambda) / (most + options_.lambda);
  const double length = 2 / (most + options_.lambda);
  // At an optimum each example's gradient has length 1 at most for each column.
  const double moved =
      static_cast<double>(count) * root(static_cast<double>(theta_.size(1))) / options_.lambda;
  std::vector<LogisticObjective> objectives;
  for (int64_t c = 0; c < theta_.size(1); ++c)
    objectives.push_back(column_objective(x, table, c, left, options_));
  auto theta = theta_.clone();
  double bound = spent_ + moved;
  while (true) {
    std::vector<torch::Tensor> gradients;
    for (int64_t c = 0; c < theta.size(1); ++c)
      gradients.push_back(
          objectives[static_cast<size_t>(c)].gradient(theta.narrow(1, c, 1).contiguous()));
    const auto gradient = at::cat(gradients, 1);
    step.worst_case = bound;
    step.data_dependent = step.measured = gradient.norm().item<double>() / options_.lambda;
    step.spent =
        options_.bound == ResidualBound::worst_case ? step.worst_case : step.data_dependent;
    if (step.spent <= budget() && step.steps > 0) break;
    if (step.steps >= options_.most_steps) {
      throw BudgetError(fmt::format(
          "certified removal: a distance of at most {:.6g} is covered by epsilon {} and delta {}, "
          "{} "
          "gradient steps bring it to {:.6g}: more steps or noise, or training again, are needed",
          budget(), options_.epsilon, options_.delta, step.steps, step.spent));
    }
    theta = theta - length * gradient;
    bound *= shrink;
    ++step.steps;
  }
  theta_ = theta.contiguous();
  spent_ = step.spent;
  return step;
}

LinearModel CertifiedModel::published() const {
  auto theta = theta_;
  if (options_.method == CertifiedMethod::descent) {
    theta = theta + gaussian(theta.size(0), theta.size(1), options_.sigma, seed_,
                             "certified publication", static_cast<uint64_t>(removals_));
  }
  const int64_t d = theta.size(0) - 1;
  return {theta.narrow(0, 0, d).contiguous(),
          options_.intercept ? theta[d].contiguous() : at::zeros_like(theta[d])};
}

}  // namespace expunge
