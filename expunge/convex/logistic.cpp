#include "expunge/convex/logistic.h"

#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "expunge/convex/cholesky.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"

namespace expunge {
namespace {

double frobenius_inner(const torch::Tensor& a, const torch::Tensor& b) {
  return (a * b).sum().item<double>();
}

double size_of(const torch::Tensor& a) {
  return std::sqrt(frobenius_inner(a, a));
}

}  // namespace

void LogisticOptions::validate() const {
  require_option(lambda > 0 && std::isfinite(lambda), "lambda", "a finite number above 0", lambda);
  require_option(tolerance > 0, "tolerance", "above 0", tolerance);
  require_option(most_steps >= 1, "most_steps", "at least 1", static_cast<double>(most_steps));
}

LogisticObjective::LogisticObjective(torch::Tensor z, torch::Tensor labels, int64_t classes,
                                     torch::Tensor weights, const LogisticOptions& options)
    : z_(std::move(z)),
      labels_(std::move(labels)),
      weights_(std::move(weights)),
      classes_(classes),
      options_(options) {
  options_.validate();
  if (classes_ < 2) fail<InputError>("logistic regression: two classes required, got {}", classes_);
  if (z_.size(0) != labels_.size(0) || z_.size(0) != weights_.size(0)) {
    fail<InputError>(
        "logistic regression: as many labels and weights as examples required, got {}, {} "
        "and {}",
        labels_.size(0), weights_.size(0), z_.size(0));
  }
  if (!at::isfinite(z_).all().item<bool>() || !at::isfinite(weights_).all().item<bool>())
    fail<NonFiniteError>("logistic regression: finite features and weights required, got others");
  if (!(weights_.max().item<double>() > 0))
    fail<InputError>("logistic regression: an example with a weight above 0 required, got none");
  if (classes_ == 2) {
    targets_ = labels_.to(torch::kFloat64).unsqueeze(1);
  } else {
    targets_ = at::zeros({labels_.size(0), classes_}, torch::kFloat64);
    targets_.scatter_(1, labels_.unsqueeze(1), 1.0);
  }
  penalty_ = at::full({z_.size(1), 1}, options_.lambda, torch::kFloat64);
  if (!options_.intercept) {
    z_ = z_.clone();
    z_.select(1, z_.size(1) - 1).zero_();  // its coefficient stays 0 by the penalty
  } else if (!options_.intercept_penalised) {
    penalty_[z_.size(1) - 1] = 0;
  }
}

LogisticObjective LogisticObjective::weighted(torch::Tensor weights) const {
  auto other = *this;
  if (!(weights.max().item<double>() > 0))
    fail<InputError>("logistic regression: an example with a weight above 0 required, got none");
  other.weights_ = std::move(weights);
  return other;
}

LogisticObjective LogisticObjective::tilted(torch::Tensor b) const {
  auto other = *this;
  other.tilt_ = std::move(b);
  return other;
}

torch::Tensor LogisticObjective::zero() const {
  return at::zeros({rows(), columns()}, torch::kFloat64);
}

double LogisticObjective::value(const torch::Tensor& theta) const {
  const auto logits = product(z_, false, theta, false);
  const auto losses = classes_ == 2 ? (at::softplus(logits) - targets_ * logits).squeeze(1)
                                    : at::logsumexp(logits, 1) - (targets_ * logits).sum(1);
  double value =
      frobenius_inner(weights_, losses) + (penalty_ * theta.square()).sum().item<double>() / 2;
  if (tilt_.defined()) value += frobenius_inner(tilt_, theta);
  return value;
}

torch::Tensor LogisticObjective::probabilities(const torch::Tensor& theta) const {
  const auto logits = product(z_, false, theta, false);
  return classes_ == 2 ? at::sigmoid(logits) : at::softmax(logits, 1);
}

torch::Tensor LogisticObjective::gradient(const torch::Tensor& theta) const {
  const auto errors = (probabilities(theta) - targets_) * weights_.unsqueeze(1);
  auto gradient = product(z_, true, errors.contiguous(), false) + penalty_ * theta;
  if (tilt_.defined()) gradient.add_(tilt_);
  return gradient;
}

torch::Tensor LogisticObjective::hessian_times(const torch::Tensor& theta,
                                               const torch::Tensor& v) const {
  const auto p = probabilities(theta);
  const auto zv = product(z_, false, v, false);
  auto moved = p * zv;
  moved = classes_ == 2 ? moved * (1 - p) : moved - p * moved.sum(1, true);
  moved = (moved * weights_.unsqueeze(1)).contiguous();
  return product(z_, true, moved, false) + penalty_ * v;
}

torch::Tensor LogisticObjective::hessian_solve(const torch::Tensor& theta,
                                               const torch::Tensor& right, double tolerance) const {
  // All intercepts at once: no curvature and, but for rounding, no gradient.
  const bool free = classes_ > 2 && penalty_[rows() - 1].item<double>() == 0;
  const auto clear = [&](torch::Tensor& x) {
    if (!free) return;
    auto intercepts = x[rows() - 1];
    intercepts.sub_(intercepts.mean());
  };
  auto g = right.clone();
  clear(g);
  const auto p = probabilities(theta);
  // Of one class by itself, the mean over classes; the Hessian itself where there are two.
  const auto curvature = (p * (1 - p)).mean(1) * weights_;
  const auto moments = moments_of(z_.size(0), rows(), 1, 1, [&](int64_t begin, int64_t end) {
    const auto share = curvature.narrow(0, begin, end - begin).sqrt().unsqueeze(1);
    return std::pair(z_.narrow(0, begin, end - begin) * share, share);
  });
  auto matrix = moments.gram;
  matrix.diagonal().add_(penalty_.squeeze(1));
  const Cholesky factor(matrix, "logistic regression");
  auto x = factor.solve(g).contiguous();
  if (classes_ == 2) return x;

  const double wanted = tolerance * size_of(g);
  x.zero_();
  auto residual = g.clone();
  torch::Tensor direction;
  double last = 0;
  constexpr int64_t most = 2000;
  double reached = size_of(residual), best = reached;
  auto best_x = x.clone();  // at the end rounding may lead away again
  int64_t since_best = 0;
  for (int64_t i = 0; i < most && reached > wanted; ++i) {
    auto preconditioned = factor.solve(residual);
    clear(preconditioned);
    const double now = frobenius_inner(residual, preconditioned);
    direction =
        direction.defined() ? preconditioned + direction * (now / last) : preconditioned.clone();
    direction = direction.contiguous();
    last = now;
    const auto image = hessian_times(theta, direction);
    const double step = now / frobenius_inner(direction, image);
    x.add_(direction, step);
    residual.sub_(image, step);
    clear(residual);
    reached = size_of(residual);
    if (reached < best) {
      best = reached;
      best_x.copy_(x);
      since_best = 0;
    } else if (++since_best > 100) {
      break;
    }
  }
  if (!(best <= std::max(wanted, 1e-9 * size_of(g)))) {
    fail(
        "logistic regression: conjugate gradients: a residual of {} required, got {} after {} "
        "iterations",
        wanted, best, most);
  }
  return best_x;
}

void LogisticObjective::require_every_class() const {
  if (!options_.intercept || options_.intercept_penalised) return;
  for (int64_t c = 0; c < classes_; ++c) {
    if (!((weights_ * labels_.eq(c)).max().item<double>() > 0))
      fail<InputError>(
          "logistic regression: an example of every class required, got none of class {}: without "
          "one its intercept has no optimum",
          c);
  }
}

double LogisticObjective::gradient_scale() const {
  return (weights_ * z_.norm(2, 1)).sum().item<double>();
}

LogisticFit minimise(const LogisticObjective& objective, const torch::Tensor& start) {
  objective.require_every_class();
  LogisticFit fit;
  fit.theta = start.defined() ? start.clone() : objective.zero();
  const double scale = objective.gradient_scale();
  const double wanted = objective.options().tolerance * scale;
  auto gradient = objective.gradient(fit.theta);
  fit.gradient_norm = size_of(gradient);
  double value = objective.value(fit.theta);
  while (fit.gradient_norm > wanted && fit.steps < objective.options().most_steps) {
    // Solved as well as the quadratic convergence of exact steps asks for.
    const double share = std::clamp(fit.gradient_norm / scale, 1e-10, 1e-2);
    const auto step = objective.hessian_solve(fit.theta, gradient, share);
    const double slope = frobenius_inner(gradient, step);
    bool moved = false;
    for (double length = 1; length > 1e-10; length /= 2) {
      const auto theta = (fit.theta - length * step).contiguous();
      const double next_value = objective.value(theta);
      const double rounding = 64 * std::numeric_limits<double>::epsilon() * std::fabs(value);
      if (!(next_value <= value - 1e-4 * length * slope + rounding)) continue;
      const auto next = objective.gradient(theta);
      const double norm = size_of(next);
      // Where the objective says nothing any more the gradient has to fall.
      if (length * slope < rounding && !(norm < fit.gradient_norm)) break;
      fit.theta = theta;
      value = next_value;
      gradient = next;
      fit.gradient_norm = norm;
      moved = true;
      break;
    }
    if (!moved) break;
    ++fit.steps;
  }
  if (!std::isfinite(fit.gradient_norm))
    fail<NonFiniteError>("logistic regression: a finite gradient required, got another");
  if (fit.gradient_norm > 1e-7 * scale) {
    fail("logistic regression: a gradient of {} required, got {} after {} Newton steps",
         1e-7 * scale, fit.gradient_norm, fit.steps);
  }
  return fit;
}

torch::Tensor newton_removal(const LogisticObjective& retained, const torch::Tensor& theta) {
  return theta - retained.hessian_solve(theta, retained.gradient(theta));
}

torch::Tensor influence_removal(const LogisticObjective& full, const LogisticObjective& retained,
                                const torch::Tensor& theta) {
  return theta - full.hessian_solve(theta, retained.gradient(theta));
}

}  // namespace expunge
