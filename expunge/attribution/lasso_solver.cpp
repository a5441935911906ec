#include "expunge/attribution/lasso_solver.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "expunge/attribution/add_scaled.h"
#include "expunge/attribution/lasso_descent.h"
#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

constexpr int64_t block_targets = 32;
// of the descent on all targets at once
constexpr int64_t max_sweeps = 100000;  // in all; what does not end by then never will
constexpr int64_t max_rounds = 1000;
constexpr double kMargin = 0.97;  // of the tolerance: gaps are computed in float32

// Working sets up to this size go target by target: their covariances fit into the caches.
int64_t largest_working_set(int64_t n) {
  return std::max<int64_t>(64, std::min<int64_t>(n / 2, 2048));
}

// A target's objective and how far it is from the optimum at most, in units of |y - mean|^2 / (2 N).
// c0 and c (n): correlations of y and of the residual with all columns; power = |y - mean|^2 / N.
double relative_gap(const SparseEffects& effects, const float* c0, const float* c, int64_t n,
                    double power, double lambda) {
  float largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(c[i]));
  double explained = 0, fitted = 0, norm = 0;
  for (size_t k = 0; k < effects.examples.size(); ++k) {
    const auto i = effects.examples[k];
    const double beta = effects.values[k];
    explained += beta * c0[i];        // y'X beta / N
    fitted += beta * (c0[i] - c[i]);  // |X beta|^2 / N
    norm += std::abs(beta);
  }
  const double residual = power - 2 * explained + fitted;  // r'r / N
  const double scale = largest > lambda ? lambda / largest : 1;
  const double primal = residual / 2 + lambda * norm;
  const double dual = scale * (power - explained) - scale * scale * residual / 2;
  return power > 0 ? std::max(0.0, primal - dual) / (power / 2) : 0;
}

// The targets of one block along their paths.
class Block {
 public:
  Block(const LassoDesign& design, const torch::Tensor& targets, const double* lambdas,
        int64_t steps, const LassoSolverOptions& options)
      : design_(design),
        n_(design.examples()),
        count_(targets.size(0)),
        steps_(steps),
        lambdas_(lambdas),
        tolerance_(options.tolerance),
        targets_(targets - targets.mean(1, true)),
        solutions_(static_cast<size_t>(count_)) {
    start_ = design.correlations(targets_);
    now_ = start_.clone();
    const auto squares = targets_.to(torch::kFloat64).square().mean(1);
    for (int64_t t = 0; t < count_; ++t) power_.push_back(squares[t].item<double>());
  }

  void run(int64_t first, const LassoVisitor& visit) {
    std::vector<int64_t> going(static_cast<size_t>(count_));
    std::iota(going.begin(), going.end(), int64_t{0});
    for (int64_t step = 0; step < steps_ && !going.empty(); ++step) {
      const auto wide = alone(going, step);
      if (!wide.empty()) together(wide, step);
      std::erase_if(going, [&](int64_t t) {
        return !visit(first + t, step, solutions_[static_cast<size_t>(t)]);
      });
    }
  }

 private:
  [[nodiscard]] double lambda(int64_t t, int64_t step) const { return lambdas_[t * steps_ + step]; }
  [[nodiscard]] const float* start_of(int64_t t) const { return start_.data_ptr<float>() + t * n_; }
  [[nodiscard]] float* now(int64_t t) { return now_.data_ptr<float>() + t * n_; }

  // A target on its way to a step's solution.
  struct Pursuit {
    int64_t target = 0;
    std::vector<char> chosen;  // (n) whether in the working set
    double precision = 0;      // of the descent
    int64_t sweeps = 0;
  };

  [[nodiscard]] Pursuit begin(int64_t t, int64_t step) {
    const double penalty = lambda(t, step);
    const double before = step > 0 ? lambda(t, step - 1) : penalty;
    const double bound = std::max(2 * penalty - before, 0.7 * penalty);
    Pursuit pursuit{t, std::vector<char>(static_cast<size_t>(n_), 0), 0.03 * penalty, 0};
    for (const auto i : solutions_[static_cast<size_t>(t)].effects.examples)
      pursuit.chosen[static_cast<size_t>(i)] = 1;
    admit(pursuit, bound);
    return pursuit;
  }

  // Columns whose correlations exceed the limit join; whether any did.
  bool admit(Pursuit& pursuit, double limit) {
    bool joined = false;
    const float* c = now(pursuit.target);
    for (int64_t i = 0; i < n_; ++i) {
      auto& chosen = pursuit.chosen[static_cast<size_t>(i)];
      if (chosen == 0 && std::abs(c[i]) >= limit && design_.variance(i) > 0)
        chosen = 1, joined = true;
    }
    return joined;
  }

  // Solves these targets at a step; those whose working sets outgrow what pays are returned.
  std::vector<int64_t> alone(const std::vector<int64_t>& targets, int64_t step) {
    std::vector<int64_t> wide;
    std::vector<Pursuit> pursuits;
    for (const int64_t t : targets) pursuits.push_back(begin(t, step));
    for (int64_t round = 0; !pursuits.empty(); ++round) {
      std::erase_if(pursuits, [&](const Pursuit& pursuit) {
        const auto size = std::count(pursuit.chosen.begin(), pursuit.chosen.end(), char{1});
        if (size <= largest_working_set(n_)) return false;
        wide.push_back(pursuit.target);
        return true;
      });
      for (auto& pursuit : pursuits) descend_on_working_set(pursuit, lambda(pursuit.target, step));
      correlate(pursuits);
      std::erase_if(pursuits, [&](Pursuit& pursuit) {
        if (is_solved(pursuit.target, step)) return true;
        const double penalty = lambda(pursuit.target, step);
        if (round == max_rounds || pursuit.sweeps > max_sweeps) {
          fail<InputError>(
              "lasso: a duality gap of at most {} of |y|^2 / 2 required, got {} at lambda {}: a "
              "larger tolerance or penalty required",
              tolerance_, solutions_[static_cast<size_t>(pursuit.target)].gap, penalty);
        }
        // If none breaks the conditions, the descent was not precise enough.
        if (!admit(pursuit, penalty * (1 + 1e-6))) pursuit.precision /= 8;
        return false;
      });
    }
    return wide;
  }

  void descend_on_working_set(Pursuit& pursuit, double penalty) {
    const int64_t t = pursuit.target;
    working_.clear();
    for (int64_t i = 0; i < n_; ++i) {
      if (pursuit.chosen[static_cast<size_t>(i)] != 0) working_.push_back(static_cast<int32_t>(i));
    }
    const auto k = static_cast<int64_t>(working_.size());
    covariances_.resize(static_cast<size_t>(k * k));
    const auto all = design_.all_covariances();
    for (int64_t a = 0; a < k; ++a) {
      const int64_t i = working_[static_cast<size_t>(a)];
      float* row = covariances_.data() + a * k;
      if (!all.empty()) {
        const float* whole = all.data() + i * n_;
        for (int64_t b = 0; b < k; ++b) row[b] = whole[working_[static_cast<size_t>(b)]];
      } else {
        for (int64_t b = 0; b <= a; ++b) {
          const auto value =
              static_cast<float>(design_.covariance(i, working_[static_cast<size_t>(b)]));
          row[b] = covariances_[static_cast<size_t>(b * k + a)] = value;
        }
      }
    }
    auto& effects = solutions_[static_cast<size_t>(t)].effects;
    beta_.assign(static_cast<size_t>(k), 0);
    c_.resize(static_cast<size_t>(k));
    size_t next = 0;
    for (int64_t a = 0; a < k; ++a) {
      const auto i = working_[static_cast<size_t>(a)];
      c_[static_cast<size_t>(a)] = now(t)[i];
      if (next < effects.examples.size() && effects.examples[next] == i)
        beta_[static_cast<size_t>(a)] = effects.values[next++];
    }
    pursuit.sweeps += descend(covariances_.data(), k, static_cast<float>(penalty),
                              static_cast<float>(pursuit.precision), max_sweeps, beta_.data(),
                              c_.data(), active_);
    collect(beta_.data(), k, working_.data(), effects);
  }

  // now(t) of each from its coefficients.
  void correlate(const std::vector<Pursuit>& pursuits) {
    if (pursuits.empty()) return;
    const auto all = design_.all_covariances();
    if (!all.empty()) {
      for (const auto& pursuit : pursuits) {
        const int64_t t = pursuit.target;
        const auto& effects = solutions_[static_cast<size_t>(t)].effects;
        std::copy(start_of(t), start_of(t) + n_, now(t));
        for (size_t k = 0; k < effects.examples.size(); ++k) {
          add_scaled(-effects.values[k], all.data() + int64_t{effects.examples[k]} * n_, n_,
                     now(t));
        }
      }
      return;
    }
    std::vector<int64_t> which;
    for (const auto& pursuit : pursuits) which.push_back(pursuit.target);
    const auto y = targets_.index_select(0, torch::tensor(which));
    keep_correlations(which, design_.correlations(design_.residuals(y, coefficients_of(which))));
  }

  // (targets, n) float32.
  [[nodiscard]] torch::Tensor coefficients_of(const std::vector<int64_t>& which) const {
    auto dense = torch::zeros({static_cast<int64_t>(which.size()), n_}, torch::kFloat32);
    for (size_t w = 0; w < which.size(); ++w) {
      const auto& effects = solutions_[static_cast<size_t>(which[w])].effects;
      float* row = dense.data_ptr<float>() + static_cast<int64_t>(w) * n_;
      for (size_t k = 0; k < effects.examples.size(); ++k)
        row[effects.examples[k]] = effects.values[k];
    }
    return dense;
  }

  void keep_correlations(const std::vector<int64_t>& which, const torch::Tensor& c) {
    for (size_t w = 0; w < which.size(); ++w)
      std::copy_n(c.data_ptr<float>() + static_cast<int64_t>(w) * n_, n_, now(which[w]));
  }

  // Writes the gap of a target's coefficients, whose correlations now(t) holds.
  bool is_solved(int64_t t, int64_t step) {
    auto& solution = solutions_[static_cast<size_t>(t)];
    solution.gap = relative_gap(solution.effects, start_of(t), now(t), n_,
                                power_[static_cast<size_t>(t)], lambda(t, step));
    return solution.gap <= kMargin * tolerance_;
  }

  // Descent on all columns for these targets.
  void together(const std::vector<int64_t>& which, int64_t step) {
    std::vector<double> penalties;
    for (const int64_t t : which) penalties.push_back(lambda(t, step));
    const auto rows = torch::tensor(which);
    JointDescent descent(design_, targets_.index_select(0, rows), start_.index_select(0, rows),
                         coefficients_of(which), penalties);
    for (int64_t round = 0; round < max_rounds; ++round) {
      descent.run();
      keep_correlations(which, descent.correlations());
      bool done = true;
      for (size_t w = 0; w < which.size(); ++w) {
        collect(descent.coefficients().data_ptr<float>() + static_cast<int64_t>(w) * n_, n_,
                nullptr, solutions_[static_cast<size_t>(which[w])].effects);
        done = is_solved(which[w], step) && done;
      }
      if (done) return;
    }
    fail<InputError>(
        "lasso: a duality gap of at most {} of |y|^2 / 2 required, not reached in {} rounds: a "
        "larger tolerance or penalty required",
        tolerance_, max_rounds);
  }

  // What is not 0 of count coefficients: those of the examples named, or of the first ones.
  static void collect(const float* beta, int64_t count, const int32_t* names,
                      SparseEffects& effects) {
    effects.examples.clear();
    effects.values.clear();
    for (int64_t i = 0; i < count; ++i) {
      if (beta[i] == 0) continue;
      effects.examples.push_back(names != nullptr ? names[i] : static_cast<int32_t>(i));
      effects.values.push_back(beta[i]);
    }
  }

  const LassoDesign& design_;
  int64_t n_, count_, steps_;
  const double* lambdas_;  // (count, steps)
  double tolerance_;
  torch::Tensor targets_;      // (count, N), centred
  torch::Tensor start_;        // (count, n) correlations of the targets with the columns
  torch::Tensor now_;          // (count, n) of the residuals
  std::vector<double> power_;  // |y - mean|^2 / N
  std::vector<LassoSolution> solutions_;
  // Of the target at hand.
  std::vector<int32_t> working_, active_;
  std::vector<float> covariances_, beta_, c_;
};

void check(const LassoDesign& design, const torch::Tensor& targets) {
  if (targets.dim() != 2 || targets.scalar_type() != torch::kFloat32 ||
      targets.size(1) != design.models()) {
    fail<InputError>("lasso: targets ({} models a row) float32 required, got ({}) of {}",
                     design.models(), fmt::join(targets.sizes(), ", "),
                     toString(targets.scalar_type()));
  }
  if (!targets.isfinite().all().item<bool>())
    fail<NonFiniteError>("lasso: finite targets required, got NaN or infinity");
}

}  // namespace

void LassoSolverOptions::validate() const {
  if (!(tolerance > 0 && tolerance < 1))
    fail<OptionError>("option tolerance: a number between 0 and 1 required, got {}", tolerance);
}

torch::Tensor largest_lambdas(const LassoDesign& design, const torch::Tensor& targets,
                              int64_t workers) {
  check(design, targets);
  auto out = torch::empty({targets.size(0)}, torch::kFloat64);
  parallel_blocks(targets.size(0), block_targets, workers, [&](int64_t begin, int64_t end) {
    const auto y = targets.slice(0, begin, end);
    const auto c = design.correlations(y - y.mean(1, true)).abs().amax(1);
    out.slice(0, begin, end).copy_(c);
  });
  return out;
}

void solve_lasso_paths(const LassoDesign& design, const torch::Tensor& targets,
                       const torch::Tensor& lambdas, const LassoSolverOptions& options,
                       const LassoVisitor& visit) {
  options.validate();
  check(design, targets);
  const int64_t count = targets.size(0);
  if (lambdas.dim() != 2 || lambdas.scalar_type() != torch::kFloat64 || lambdas.size(0) != count ||
      lambdas.size(1) < 1) {
    fail<InputError>("lasso: penalties ({}, steps) float64 required, got ({}) of {}", count,
                     fmt::join(lambdas.sizes(), ", "), toString(lambdas.scalar_type()));
  }
  const auto path = lambdas.contiguous();
  const int64_t steps = path.size(1);
  const auto* values = path.data_ptr<double>();
  for (int64_t i = 0; i < count * steps; ++i) {
    const bool falls = i % steps == 0 || values[i] <= values[i - 1];
    if (!(values[i] > 0 && std::isfinite(values[i]) && falls)) {
      fail<InputError>(
          "lasso: positive penalties that fall along a path required, got {} for target {}, step "
          "{}",
          values[i], i / steps, i % steps);
    }
  }
  parallel_blocks(count, block_targets, options.workers, [&](int64_t begin, int64_t end) {
    Block block(design, targets.slice(0, begin, end).contiguous(), values + begin * steps, steps,
                options);
    block.run(begin, visit);
  });
}

std::vector<LassoSolution> solve_lasso(const LassoDesign& design, const torch::Tensor& targets,
                                       const torch::Tensor& lambdas,
                                       const LassoSolverOptions& options) {
  std::vector<LassoSolution> all(static_cast<size_t>(targets.size(0)));
  solve_lasso_paths(design, targets, lambdas.view({-1, 1}), options,
                    [&](int64_t target, int64_t, const LassoSolution& solution) {
                      all[static_cast<size_t>(target)] = solution;
                      return true;
                    });
  return all;
}

}  // namespace expunge
