// Training-set masks as the design of many LASSO regressions at once.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "expunge/attribution/bit_rows.h"

namespace expunge {

struct LassoDesignOptions {
  /// Memory for what only saves time: masks as float32 (4 N n bytes), and the covariances of all
  /// columns (4 n^2 bytes). Each is held if it fits into half of this.
  int64_t memory_bytes = int64_t{2} << 30;
  int64_t workers = 0;  // threads, 0: one a processor; the result does not depend on it
};

/// Masks M (N, n) with an intercept in mind: the columns are x_i = M e_i less their means, so that
/// what is said of targets holds for targets less their means. Columns are held as bits, 1 / 8 byte
/// an entry.
class LassoDesign {
 public:
  /// masks (N, n) bool with N >= 2, not copied if contiguous. InputError for another shape or dtype.
  static LassoDesign make(const torch::Tensor& masks, const LassoDesignOptions& options = {});

  [[nodiscard]] int64_t models() const { return masks_.size(0); }
  [[nodiscard]] int64_t examples() const { return masks_.size(1); }
  /// (n) means of the columns.
  [[nodiscard]] std::span<const double> means() const { return means_; }
  /// x_i'x_i / N; 0 for an example that every model saw, or none.
  [[nodiscard]] double variance(int64_t i) const { return means_[i] * (1 - means_[i]); }
  /// x_i'x_k / N, exact up to its last rounding.
  [[nodiscard]] double covariance(int64_t i, int64_t k) const;
  /// The covariances of all columns, n x n by rows; empty if they are not held.
  [[nodiscard]] std::span<const float> all_covariances() const { return covariances_; }

  /// Rows first ... last - 1 of these, a view.
  [[nodiscard]] torch::Tensor covariance_rows(int64_t first, int64_t last) const;

  /// Y X / N (T, n) float32, for targets Y (T, N) float32 whose rows sum to 0. On the calling
  /// thread, as all below.
  [[nodiscard]] torch::Tensor correlations(const torch::Tensor& targets) const;
  /// Y - B X' (T, N) float32, for coefficients B (T, n) float32 and such targets.
  [[nodiscard]] torch::Tensor residuals(const torch::Tensor& targets,
                                        const torch::Tensor& coefficients) const;
  /// Masks of all models of examples first ... last - 1: (N, last - first) float32.
  [[nodiscard]] torch::Tensor columns(int64_t first, int64_t last) const;

 private:
  // Calls task(first, block) for runs of models one after the other; block (b, n) float32 holds
  // their masks.
  void for_each_block(
      const std::function<void(int64_t first, const torch::Tensor& block)>& task) const;
  explicit LassoDesign(torch::Tensor masks) : masks_(std::move(masks)) {}

  torch::Tensor masks_;   // (N, n) bool
  torch::Tensor floats_;  // the same as float32, or undefined
  BitRows bits_;          // a row an example
  std::vector<double> means_;
  std::vector<float> covariances_;
};

}  // namespace expunge
