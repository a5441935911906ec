#include "expunge/attribution/lasso_descent.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "expunge/attribution/add_scaled.h"
#include "expunge/core/gemm.h"
#include "expunge/core/simd.h"

namespace expunge {
namespace {

constexpr int64_t run_columns = 64;
constexpr int64_t sweeps_a_round = 5;
constexpr int64_t sweeps_a_run = 3;

// The product of the differences a1 - a0 and b1 - b0.
EXPUNGE_VECTOR_CLONES
double product_of_moves(const float* a0, const float* a1, const float* b0, const float* b1,
                        int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>((a1[i] - a0[i]) * (b1[i] - b0[i]));
  return sum;
}

float shrunk(float value, float by) {
  return value > by ? value - by : value < -by ? value + by : 0.0F;
}

using Weights = std::array<double, sweeps_a_round>;

// Solves U w = 1 by elimination and scales w to sum 1, U symmetric and positive definite but for
// rounding. False if it is not.
bool affine_weights(std::array<Weights, sweeps_a_round> u, Weights& w) {
  const auto k = static_cast<int>(sweeps_a_round);
  double trace = 0;
  for (int i = 0; i < k; ++i) trace += u[i][i];
  if (!(trace > 0)) return false;
  w.fill(1);
  for (int i = 0; i < k; ++i) u[i][i] += 1e-10 * trace;
  for (int i = 0; i < k; ++i) {
    if (!(u[i][i] > 0)) return false;
    for (int r = i + 1; r < k; ++r) {
      const double factor = u[r][i] / u[i][i];
      for (int c = i; c < k; ++c) u[r][c] -= factor * u[i][c];
      w[r] -= factor * w[i];
    }
  }
  double sum = 0;
  for (int i = k - 1; i >= 0; --i) {
    for (int c = i + 1; c < k; ++c) w[i] -= u[i][c] * w[c];
    w[i] /= u[i][i];
    sum += w[i];
  }
  if (!(std::abs(sum) > 0) || !std::isfinite(sum)) return false;
  for (auto& value : w) value /= sum;
  return true;
}

}  // namespace

int64_t descend(const float* q, int64_t k, float lambda, float precision, int64_t sweeps,
                float* beta, float* c, std::vector<int32_t>& active) {
  const auto update = [&](int64_t i) {
    const float variance = q[i * k + i];
    if (variance <= 0) return 0.0F;
    const float next = shrunk(c[i] + variance * beta[i], lambda) / variance;
    const float change = next - beta[i];
    if (change == 0) return 0.0F;
    beta[i] = next;
    add_scaled(-change, q + i * k, k, c);
    return std::abs(change) * variance;
  };
  int64_t made = 0;
  while (made < sweeps) {
    float largest = 0;
    active.clear();
    for (int64_t i = 0; i < k; ++i) {
      largest = std::max(largest, update(i));
      if (beta[i] != 0) active.push_back(static_cast<int32_t>(i));
    }
    ++made;
    if (largest <= precision) break;
    while (made < sweeps) {
      largest = 0;
      for (const int32_t i : active) largest = std::max(largest, update(i));
      ++made;
      if (largest <= precision) break;
    }
  }
  return made;
}

JointDescent::JointDescent(const LassoDesign& design, torch::Tensor targets,
                           torch::Tensor correlations, torch::Tensor coefficients,
                           std::vector<double> lambdas)
    : design_(design),
      held_(!design.all_covariances().empty()),
      count_(targets.size(0)),
      n_(design.examples()),
      targets_(std::move(targets)),
      targets_correlations_(std::move(correlations)),
      lambdas_(std::move(lambdas)),
      beta_(std::move(coefficients)),
      residuals_(design.residuals(targets_, beta_)),
      correlations_(design.correlations(residuals_)),
      moves_(torch::empty({count_, run_columns}, torch::kFloat32)) {
  const int64_t runs = (n_ + run_columns - 1) / run_columns;
  covariances_.resize(static_cast<size_t>(runs * run_columns * run_columns));
  for (int64_t first = 0; first < n_; first += run_columns) {
    const int64_t k = std::min(run_columns, n_ - first);
    float* q = covariances_.data() + first * run_columns;
    for (int64_t a = 0; a < k; ++a) {
      for (int64_t b = 0; b <= a; ++b)
        q[a * k + b] = q[b * k + a] = static_cast<float>(design_.covariance(first + a, first + b));
    }
  }
}

void JointDescent::run() {
  betas_.assign(1, beta_.clone());
  states_.assign(1, state().clone());
  for (int64_t i = 0; i < sweeps_a_round; ++i) {
    sweep();
    betas_.push_back(beta_.clone());
    states_.push_back(state().clone());
  }
  extrapolate();
  residuals_ = design_.residuals(targets_, beta_);
  correlations_ = design_.correlations(residuals_);
}

void JointDescent::sweep() {
  for (int64_t first = 0; first < n_; first += run_columns) {
    const int64_t k = std::min(run_columns, n_ - first);
    torch::Tensor columns;
    if (!held_) {
      columns = design_.columns(first, first + k);
      auto c = correlations_.slice(1, first, first + k);
      gemm(residuals_, false, columns, false, c, 1.0 / static_cast<double>(design_.models()));
    }
    if (!descend_on_run(first, k)) continue;
    const auto moves = moves_.slice(1, 0, k);
    if (held_) {
      gemm(moves, false, design_.covariance_rows(first, first + k), false, correlations_, -1, 1);
    } else {
      gemm(moves, false, columns, true, residuals_, -1, 1);
      residuals_ -= residuals_.mean(1, true);
    }
  }
}

// Writes what the coefficients moved by into moves_; false if none did.
bool JointDescent::descend_on_run(int64_t first, int64_t k) {
  bool moved = false;
  c_.resize(static_cast<size_t>(k));
  for (int64_t t = 0; t < count_; ++t) {
    const auto lambda = static_cast<float>(lambdas_[static_cast<size_t>(t)]);
    float* mine = beta_.data_ptr<float>() + t * n_ + first;
    float* by = moves_.data_ptr<float>() + t * run_columns;
    std::copy_n(mine, k, by);
    std::copy_n(correlations_.data_ptr<float>() + t * n_ + first, k, c_.data());
    descend(covariances_.data() + first * run_columns, k, lambda, 0.01F * lambda, sweeps_a_run,
            mine, c_.data(), active_);
    for (int64_t a = 0; a < k; ++a) {
      by[a] = mine[a] - by[a];
      moved = moved || by[a] != 0;
    }
  }
  return moved;
}

// In units of the objective but for a constant: the residual's square is |r|^2 / (2 N) or, by
// correlations, (|y|^2 / N - beta'(c0 + c)) / 2.
double JointDescent::objective(int64_t t, const float* beta, const float* state) const {
  double norm = 0, fit = 0;
  const float* start = targets_correlations_.data_ptr<float>() + t * n_;
  for (int64_t i = 0; i < n_; ++i) {
    norm += std::abs(beta[i]);
    if (held_) fit -= static_cast<double>(beta[i]) * (double{start[i]} + state[i]) / 2;
  }
  if (!held_) {
    for (int64_t i = 0; i < design_.models(); ++i) fit += double{state[i]} * state[i];
    fit /= 2 * static_cast<double>(design_.models());
  }
  return fit + lambdas_[static_cast<size_t>(t)] * norm;
}

// The affine combination of the round's iterates whose last moves would cancel best.
void JointDescent::extrapolate() {
  const int64_t width = state().size(1);
  std::vector<float> beta(static_cast<size_t>(n_)), combined(static_cast<size_t>(width));
  for (int64_t t = 0; t < count_; ++t) {
    const auto at = [&](int64_t i) {
      return betas_[static_cast<size_t>(i)].data_ptr<float>() + t * n_;
    };
    std::array<Weights, sweeps_a_round> u{};
    for (int64_t i = 0; i < sweeps_a_round; ++i) {
      for (int64_t k = 0; k <= i; ++k)
        u[i][k] = u[k][i] = product_of_moves(at(i), at(i + 1), at(k), at(k + 1), n_);
    }
    Weights w{};
    if (!affine_weights(u, w)) continue;
    std::fill(beta.begin(), beta.end(), 0.0F);
    std::fill(combined.begin(), combined.end(), 0.0F);
    for (int64_t i = 0; i < sweeps_a_round; ++i) {
      const auto weight = static_cast<float>(w[i]);
      add_scaled(weight, at(i + 1), n_, beta.data());
      add_scaled(weight, states_[static_cast<size_t>(i) + 1].data_ptr<float>() + t * width, width,
                 combined.data());
    }
    float* mine = beta_.data_ptr<float>() + t * n_;
    if (objective(t, beta.data(), combined.data()) <
        objective(t, mine, state().data_ptr<float>() + t * width)) {
      std::copy(beta.begin(), beta.end(), mine);
    }
  }
}

}  // namespace expunge
