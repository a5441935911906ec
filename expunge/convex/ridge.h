// Ridge regression: its optimum, and the state from which examples can be removed.
//
// On a set T of examples with weights w, in coordinates z (features, standardised or not, and a 1):
//   J_T(theta) = 1/2 sum_{i in T} w_i |y_i - theta' z_i|^2 + lambda/2 |theta without its last row|^2.
// The penalty is lambda for every T: it does not shrink with the number of examples. With
//   A_T = sum_T w z z' + lambda D   (D = 1 for features, 0 for the intercept),   c_T = sum_T w z y',
// the optimum is theta_T = A_T^-1 c_T. Kept are A_S, its Cholesky factor and c_S: (d + 1)^2 numbers for any n.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>

#include "expunge/convex/cholesky.h"
#include "expunge/convex/table.h"
#include "expunge/core/options.h"

namespace expunge {

/// What becomes of the features' means and standard deviations.
enum class Standardise {
  none,  ///< features are taken as they are
  fixed,  ///< those of S, also after a removal: exact for this choice of coordinates, which remembers F
  again,  ///< those of the examples that are there, as retraining would take them
};

struct LinearOptions {
  double lambda = 1;      ///< > 0; on squared coefficients of standardised features
  bool intercept = true;  ///< a constant that is not penalised
  Standardise standardise = Standardise::again;

  void validate() const;
};
OptionGroup options_of(LinearOptions& options);

class RidgeState {
 public:
  /// On all examples of the table, or on `rows` of it. n p^2 / 2 multiply-adds. InputError for a table
  /// that is not sound, no example with a positive weight, or a matrix that is not positive definite.
  static RidgeState fit(const Table& table, const LinearOptions& options, int64_t workers = 0);
  static RidgeState fit(const Table& table, std::span<const int64_t> rows,
                        const LinearOptions& options, int64_t workers = 0);
  /// From sums over examples in `coordinates`, gram (d + 1, d + 1) and cross (d + 1, k); with
  /// Standardise::again brought to the coordinates of these examples, at a cost of d^2 (d + k).
  static RidgeState from_sums(torch::Tensor gram, torch::Tensor cross, Coordinates coordinates,
                              const LinearOptions& options);

  /// (d + 1, k), intercept last, 0 without one.
  [[nodiscard]] const torch::Tensor& theta() const { return theta_; }
  [[nodiscard]] LinearModel model() const { return LinearModel::from(theta_, coordinates_); }
  /// A (p, p); p = d + 1 with an intercept, else d.
  [[nodiscard]] torch::Tensor matrix() const;
  /// Sums without the penalty: (d + 1, d + 1) and (d + 1, k).
  [[nodiscard]] const torch::Tensor& gram() const { return gram_; }
  [[nodiscard]] const torch::Tensor& cross() const { return cross_; }
  [[nodiscard]] const Cholesky& factor() const { return factor_; }
  [[nodiscard]] const Coordinates& coordinates() const { return coordinates_; }
  [[nodiscard]] const LinearOptions& options() const { return options_; }
  [[nodiscard]] int64_t p() const { return gram_.size(0) - (options_.intercept ? 0 : 1); }
  /// lambda for features and 0 for the intercept, (p).
  [[nodiscard]] torch::Tensor penalty() const;
  /// (p, k) with a row of zeros below where there is no intercept: (d + 1, k).
  [[nodiscard]] torch::Tensor padded(const torch::Tensor& theta) const;

  /// (n) leverages h_i = w_i z_i' A^-1 z_i of the table's examples, which the state was fitted to.
  [[nodiscard]] torch::Tensor leverages(const Table& table) const;
  /// (n, k): y_i minus what the optimum on all others predicts of i, in these coordinates:
  /// (y_i - theta' z_i) / (1 - h_i) (Allen, Technometrics 16, 1974). InputError for an example with
  /// leverage 1, which the others do not determine.
  [[nodiscard]] torch::Tensor leave_one_out(const Table& table) const;

 private:
  friend class RidgeRemoval;
  RidgeState() = default;

  LinearOptions options_;
  Coordinates coordinates_;
  torch::Tensor gram_, cross_, theta_;
  Cholesky factor_;
};

}  // namespace expunge
