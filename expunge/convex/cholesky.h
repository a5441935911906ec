// A positive definite matrix as its Cholesky factor, which rows can be taken out of.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <utility>

namespace expunge {

/// A = R' R with R upper triangular.
class Cholesky {
 public:
  Cholesky() = default;
  /// `matrix` (p, p) float64, symmetric. InputError, naming `what`, if it is not positive definite to
  /// working precision.
  Cholesky(const torch::Tensor& matrix, const char* what);

  /// A^-1 b for b (p, k).
  [[nodiscard]] torch::Tensor solve(const torch::Tensor& b) const;
  /// R'^-1 b for b (p, k): columns whose inner products are those of b under A^-1.
  [[nodiscard]] torch::Tensor half_solve(const torch::Tensor& b) const;
  /// The factor of A - U'U for rows U (f, p): one row after the other, each by p plane rotations that
  /// carry R and a row of zeros into R_new and the row (Saunders; Dongarra et al., LINPACK Users'
  /// Guide, 1979, chapter 10). 2 f p^2 multiply-adds. Returns false, and leaves the factor as it was,
  /// if the difference is not positive definite to working precision.
  [[nodiscard]] bool remove_rows(const torch::Tensor& rows);

  [[nodiscard]] const torch::Tensor& factor() const { return factor_; }
  [[nodiscard]] int64_t size() const { return factor_.size(0); }

 private:
  torch::Tensor factor_;  // R, (p, p), contiguous
};

/// X' X (p, p) and X' Y (p, k) in one pass over blocks of rows on `workers` threads. Sums are formed in
/// the same order for every number of workers. Only blocks on and above the diagonal are multiplied.
struct GramSums {
  torch::Tensor gram, cross;
};
GramSums moments_of(
    int64_t n, int64_t p, int64_t k, int64_t workers,
    const std::function<std::pair<torch::Tensor, torch::Tensor>(int64_t begin, int64_t end)>& rows);

/// Largest over smallest eigenvalue of a symmetric matrix; infinity if the smallest is not positive.
double condition_number(const torch::Tensor& matrix);

}  // namespace expunge
