// Certified removal from logistic regression: a bound on what can still be told of the forgotten examples.
//
// Model: one-vs-rest logistic regression on rows x of length at most 1 (longer ones are brought to 1, each by
// itself, so that no row tells of another; the constant of the intercept is a feature among them and is
// penalised), J_T(theta) = sum_{i in T} sum_c loss(theta_c' x_i, [y_i = c]) + lambda/2 |theta|^2; for two classes
// one column. lambda is a total, as in ridge.h: removing an example leaves the penalty. K is the number of
// columns, gamma = 1/(6 sqrt 3) the largest |loss'''|.
//
// newton (Guo et al., arXiv 1911.03030). Trained is the minimiser of J_S + <b, theta>, b ~ N(0, sigma^2). A
// removal is one Newton step, d = H_R^-1 sum_F grad loss. What it leaves of the gradient, |grad J_R + b|, is what
// an adversary could use; it is bounded for each removal, the bounds add up, and by theorem 3 there
// (epsilon, delta) holds while their sum is at most allowed_shift x sigma (privacy.h). Bounds:
// - worst_case, before any data are seen: gamma n_R K (f / lambda)^2 / 2. (Theorem 1 and 4 there with lambda n for
//   lambda, whose 4 comes from a penalty that shrinks with n, and with gamma = 1/4 and no half.)
// - data_dependent: gamma/2 |X_R| |(X_R d)^2|, spectral norm and 2-norm of squared elements, by column, because
//   grad J_R(theta + d) + b - (what was left before) = X_R' q with |q_i| <= gamma/2 (x_i'd)^2 (Taylor). Ours; that
//   of their corollary 1, gamma |X_R| |d| |X_R d|, is 2 or more times as large, and is told beside it.
//
// descent (Neel, Roth, Sharifi-Malvajerdi, arXiv 2007.02923). Kept is an unperturbed theta, published is
// theta + N(0, sigma^2), drawn anew for each publication. A removal is as many gradient steps of
// 2 / (M + lambda) on J_R, M = lambda + |X|^2/4, as bring the distance to the optimum below
// allowed_shift x sigma: it shrinks by g = (M - lambda)/(M + lambda) a step from at most
// distance before + f sqrt(K) / lambda (their theorem 9's argument, with the distance tracked).
//
// Not covered: what was read from models published before a removal, the choice of lambda, sigma and features
// if it was made with the data, and a seed that is known.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "expunge/convex/privacy.h"
#include "expunge/convex/table.h"
#include "expunge/core/error.h"
#include "expunge/core/options.h"

namespace expunge {

/// A removal that the budget does not cover any more: train again.
class BudgetError : public Error {
 public:
  using Error::Error;
};

enum class CertifiedMethod { newton, descent };
enum class ResidualBound { worst_case, data_dependent };

struct CertifiedOptions {
  CertifiedMethod method = CertifiedMethod::newton;
  double epsilon = 1;
  double delta = 1e-5;
  double sigma = 1;  ///< newton: of the objective's linear term; descent: of published coefficients
  double lambda = 10;
  bool intercept = true;
  Accounting accounting = Accounting::analytic;
  ResidualBound bound = ResidualBound::data_dependent;
  int64_t most_steps = 10000;  ///< descent: gradient steps that a removal may take

  void validate() const;
};
OptionGroup options_of(CertifiedOptions& options);

/// What one removal did.
struct CertifiedStep {
  int64_t removed = 0;        // f
  double worst_case = 0;      // bound on the new gradient residual (newton) or distance (descent)
  double data_dependent = 0;  // newton: ours; descent: |grad J_R| / lambda
  double corollary_1 = 0;     // newton: that of the paper, with the same gamma
  double measured = 0;        // newton: |X_R'q| as it is; descent: as data_dependent
  double spent = 0;           // after it, of budget()
  int64_t steps = 0;          // descent: gradient steps
};

class CertifiedModel {
 public:
  /// `seed` is the secret: who knows it can undo the noise. InputError for a table without labels or with
  /// weights.
  static CertifiedModel train(const Table& table, const CertifiedOptions& options, uint64_t seed,
                              int64_t workers = 0);

  /// Removes examples of the table that it was trained on. InputError for indices that are no forget set
  /// or were removed before, and for another table; BudgetError, with the model as it was, if the bound
  /// would pass the budget.
  CertifiedStep remove(const Table& table, std::span<const int64_t> forget, int64_t workers = 0);

  /// What may leave the house: (d, K) weights and (K) intercepts for features as they are in the table,
  /// whose largest output (or sign, for one column) is the class.
  [[nodiscard]] LinearModel published() const;
  /// The optimum's bound so far: sum of residual bounds (newton), distance (descent).
  [[nodiscard]] double spent() const { return spent_; }
  /// allowed_shift x sigma.
  [[nodiscard]] double budget() const;
  [[nodiscard]] int64_t removals() const { return removals_; }
  [[nodiscard]] const torch::Tensor& theta() const { return theta_; }      // (d + 1, K)
  [[nodiscard]] const torch::Tensor& removed() const { return removed_; }  // (n) bool
  [[nodiscard]] const CertifiedOptions& options() const { return options_; }

  /// One safetensors file with a checksum, whole or not at all. By descent it holds the seed and coefficients
  /// without noise: keep it as secret as the data.
  void save(const std::filesystem::path& path) const;
  /// InputError for a file that is no such model, is damaged, or claims what cannot be.
  static CertifiedModel load(const std::filesystem::path& path);

 private:
  CertifiedModel() = default;
  void require_table(const Table& table) const;
  [[nodiscard]] std::string checksum() const;
  CertifiedStep remove_by_newton(const torch::Tensor& x, const Table& table,
                                 const torch::Tensor& left, int64_t count, int64_t workers);
  CertifiedStep remove_by_descent(const torch::Tensor& x, const Table& table,
                                  const torch::Tensor& left, int64_t count);

  CertifiedOptions options_;
  uint64_t seed_ = 0;
  uint64_t table_digest_ = 0;
  torch::Tensor theta_, removed_;
  double spent_ = 0;
  int64_t removals_ = 0;
};

}  // namespace expunge
