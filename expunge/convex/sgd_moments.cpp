#include "expunge/convex/sgd_moments.h"

#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"

namespace expunge {
namespace {

torch::Tensor times(const torch::Tensor& a, const torch::Tensor& b) {
  return product(a.contiguous(), false, b.contiguous(), false);
}

// mean_i c_i z_i z_i'.
torch::Tensor weighted_square(const torch::Tensor& z, const torch::Tensor& c) {
  return product(z, true, (z * c.unsqueeze(1)).contiguous(), false) /
         static_cast<double>(z.size(0));
}

}  // namespace

torch::Tensor LeastSquares::gradient(const torch::Tensor& theta) const {
  auto errors = product(z, false, theta.contiguous(), false).sub_(y);
  return product(z, true, errors, false) / static_cast<double>(z.size(0)) +
         penalty.unsqueeze(1) * theta;
}

torch::Tensor LeastSquares::hessian() const {
  auto hessian = product(z, true, z, false) / static_cast<double>(z.size(0));
  hessian.diagonal().add_(penalty);
  return hessian;
}

SgdMoments::SgdMoments(const LeastSquares& objective, const torch::Tensor& theta, int64_t batch)
    : z_(objective.z.contiguous()),
      residuals_(objective.y - times(objective.z, theta)),
      penalty_(objective.penalty),
      gram_(product(z_, true, z_, false) / static_cast<double>(z_.size(0))),
      hessian_(objective.hessian()),
      bias_((penalty_.unsqueeze(1) * theta).contiguous()),
      batch_(batch),
      spectrum_(hessian_) {
  if (batch < 1) fail<InputError>("SGD: a batch of at least 1 required, got {}", batch);
  noise_ = weighted_square(z_, residuals_.square().sum(1)) - product(bias_, false, bias_, true);
  noise_trace_ = noise_.trace().item<double>();
  const double b = static_cast<double>(batch);
  const double single = z_.square().sum(1).max().item<double>() + penalty_.max().item<double>();
  smoothness_ = single / b + (1 - 1 / b) * spectrum_.largest();
}

torch::Tensor SgdMoments::second_order(const torch::Tensor& s, const torch::Tensor& m) const {
  const double b = static_cast<double>(batch_);
  auto squares = (times(z_, s) * z_).sum(1) + residuals_.square().sum(1);
  if (m.defined()) squares = squares - 2 * (times(z_, m) * residuals_).sum(1);
  const auto penalised = penalty_.unsqueeze(1) * times(s, gram_);  // P S G
  auto n = weighted_square(z_, squares) - product(bias_, false, bias_, true) + penalised +
           penalised.t() + penalty_.unsqueeze(1) * s * penalty_;
  if (m.defined()) {
    const auto mixed = product(times(gram_, m), false, bias_, true);  // G m b'
    n = n + mixed + mixed.t();
  }
  return n / b + (1 - 1 / b) * times(times(hessian_, s), hessian_);
}

void SgdMoments::advance(torch::Tensor& s, torch::Tensor& m, double step) const {
  const auto noise = second_order(s, m);
  const auto hs = times(hessian_, s);
  s = s - step * (hs + hs.t()) + step * step * noise;
  s = (s + s.t()) / 2;  // what rounding makes unsymmetric grows: by 1 + step (lambda_i - lambda_j)
  m = m - step * times(hessian_, m);
}

std::vector<double> SgdMoments::squared_distances(const torch::Tensor& error, double step,
                                                  std::span<const int64_t> times_) const {
  auto m = error.contiguous();
  auto s = product(m, false, m, true);
  std::vector<double> found;
  int64_t now = 0;
  for (const int64_t t : times_) {
    for (; now < t; ++now) advance(s, m, step);
    found.push_back(s.trace().item<double>());
  }
  return found;
}

std::vector<double> SgdMoments::first_order(const torch::Tensor& error, double step,
                                            std::span<const int64_t> times_) const {
  const auto& v = spectrum_.vectors();
  const auto start = product(v, true, error.contiguous(), false).square().sum(1);
  const auto additive = (v * times(noise_, v)).sum(0);
  std::vector<double> found;
  for (const int64_t t : times_) {
    double sum = 0;
    for (int64_t j = 0; j < start.size(0); ++j) {
      const double x = step * spectrum_.values()[static_cast<size_t>(j)];
      const double factor = (1 - x) * (1 - x);
      const double kept = std::pow(factor, static_cast<double>(t));
      const double share = 1 - factor;
      const double added = share > 0 ? (1 - kept) / share : static_cast<double>(t);
      sum += kept * start[j].item<double>() +
             step * step / static_cast<double>(batch_) * added * additive[j].item<double>();
    }
    found.push_back(sum);
  }
  return found;
}

double SgdMoments::stationary(double step) const {
  if (!(step < 2 / smoothness_)) {
    fail<InputError>("SGD: a step below {} required for a limit, got {}", 2 / smoothness_, step);
  }
  const auto& v = spectrum_.vectors();
  const auto p = static_cast<int64_t>(spectrum_.values().size());
  auto sums = at::zeros({p, p}, torch::kFloat64);  // lambda_i + lambda_j, infinite where it is 0
  const double rounding = spectrum_.smallest_positive() / 2;
  for (int64_t i = 0; i < p; ++i) {
    for (int64_t j = 0; j < p; ++j) {
      const double sum =
          spectrum_.values()[static_cast<size_t>(i)] + spectrum_.values()[static_cast<size_t>(j)];
      sums[i][j] = sum > rounding ? sum : std::numeric_limits<double>::infinity();
    }
  }
  auto s = at::zeros({p, p}, torch::kFloat64);
  double last = 0;
  constexpr int64_t most = 10000;
  for (int64_t i = 0; i < most; ++i) {
    const auto inside = times(times(v.t(), second_order(s, {})), v);
    s = times(times(v, inside * step / sums), v.t());
    const double now = s.trace().item<double>();
    if (std::fabs(now - last) <= 1e-12 * std::fabs(now)) return now;
    last = now;
  }
  fail("SGD: no limit found in {} iterations at step {}", most, step);
}

double SgdMoments::first_order_stationary(double step) const {
  const auto& v = spectrum_.vectors();
  const auto additive = (v * times(noise_, v)).sum(0);
  const double rounding = spectrum_.smallest_positive() / 2;
  double sum = 0;
  for (int64_t j = 0; j < additive.size(0); ++j) {
    const double value = spectrum_.values()[static_cast<size_t>(j)];
    if (value > rounding) sum += additive[j].item<double>() / value;
  }
  return step / (2 * static_cast<double>(batch_)) * sum;
}

double SgdMoments::interpolation_factor(double step) const {
  return 1 - step * strong_convexity() * (2 - step * smoothness_);
}

double SgdMoments::ball_bound(double step) const {
  return 2 * step * noise() / strong_convexity();
}

}  // namespace expunge
