#include "expunge/convex/cholesky.h"

#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/core/simd.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

// y[i] -= a x[i].
EXPUNGE_VECTOR_CLONES
void subtract_scaled(double* y, const double* x, double a, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] -= a * x[i];
}

// One row of R and the row that is being carried out of it.
EXPUNGE_VECTOR_CLONES
void rotate(double* row, double* out, double c, double s, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const double carried = c * out[i] + s * row[i];
    row[i] = c * row[i] - s * out[i];
    out[i] = carried;
  }
}

// Takes the row u out of R; `a`, `work`: p numbers each. False if what is left is not positive
// definite; R is spoilt then only where u was not finite, as nothing is written before it is known.
bool remove_row(double* r, int64_t p, const double* u, double* a, double* work) {
  std::copy(u, u + p, a);
  for (int64_t j = 0; j < p; ++j) {  // R' a = u
    a[j] /= r[j * p + j];
    subtract_scaled(a + j + 1, r + j * p + j + 1, a[j], p - j - 1);
  }
  double square = 0;
  for (int64_t j = 0; j < p; ++j) square += a[j] * a[j];
  if (!(square < 1)) return false;
  double alpha = std::sqrt(1 - square);
  std::fill(work, work + p, 0.0);
  for (int64_t i = p - 1; i >= 0; --i) {
    const double length = std::hypot(alpha, a[i]);
    rotate(r + i * p + i, work + i, alpha / length, a[i] / length, p - i);
    alpha = length;
    if (!(std::fabs(r[i * p + i]) > 0)) return false;
  }
  return true;
}

constexpr int64_t kParts = 16;        // partial sums of a Gram matrix
constexpr int64_t kBlocksAcross = 2;  // of its columns

// out += z' z, above the diagonal of blocks only.
void add_gram(const torch::Tensor& z, torch::Tensor& out) {
  const int64_t p = z.size(1);
  const int64_t width = p < 64 ? p : (p + kBlocksAcross - 1) / kBlocksAcross;
  for (int64_t i = 0; i < p; i += width) {
    const int64_t rows = std::min(width, p - i);
    auto block = out.narrow(0, i, rows).narrow(1, i, p - i);
    gemm(z.narrow(1, i, rows), true, z.narrow(1, i, p - i), false, block, 1, 1);
  }
}

}  // namespace

Cholesky::Cholesky(const torch::Tensor& matrix, const char* what) {
  const BlasTurn turn;
  // LibTorch's factor is L with A = L L'; R is its transpose.
  const auto [lower, info] = at::linalg_cholesky_ex(matrix);
  if (info.item<int>() != 0) {
    fail<InputError>(
        "{}: a positive definite matrix required, got one that is not at row {}: a larger lambda "
        "is "
        "needed, or a weight above 0",
        what, info.item<int>() - 1);
  }
  factor_ = lower.t().contiguous();
}

torch::Tensor Cholesky::solve(const torch::Tensor& b) const {
  const BlasTurn turn;
  return at::cholesky_solve(b, factor_, /*upper=*/true);
}

torch::Tensor Cholesky::half_solve(const torch::Tensor& b) const {
  const BlasTurn turn;
  return at::linalg_solve_triangular(factor_.t(), b, /*upper=*/false);
}

bool Cholesky::remove_rows(const torch::Tensor& rows) {
  const auto u = rows.contiguous();
  const int64_t p = size();
  auto next = factor_.clone();
  std::vector<double> a(static_cast<size_t>(p)), work(static_cast<size_t>(p));
  for (int64_t i = 0; i < u.size(0); ++i) {
    if (!remove_row(next.data_ptr<double>(), p, u.data_ptr<double>() + i * p, a.data(),
                    work.data()))
      return false;
  }
  factor_ = next;
  return true;
}

GramSums moments_of(
    int64_t n, int64_t p, int64_t k, int64_t workers,
    const std::function<std::pair<torch::Tensor, torch::Tensor>(int64_t begin, int64_t end)>&
        rows) {
  const int64_t part = std::max<int64_t>(256, (n + kParts - 1) / kParts);
  const int64_t parts = (n + part - 1) / part;
  constexpr int64_t chunk = 4096;  // rows that are in memory in their new coordinates at once
  std::vector<GramSums> sums(static_cast<size_t>(parts));
  parallel_for(parts, workers, [&](int64_t i) {
    GramSums sum{at::zeros({p, p}, torch::kFloat64), at::zeros({p, k}, torch::kFloat64)};
    const int64_t last = std::min(n, (i + 1) * part);
    for (int64_t begin = i * part; begin < last; begin += chunk) {
      const auto [x, y] = rows(begin, std::min(last, begin + chunk));
      add_gram(x, sum.gram);
      gemm(x, true, y, false, sum.cross, 1, 1);
    }
    sums[static_cast<size_t>(i)] = std::move(sum);
  });
  GramSums total = sums[0];
  for (size_t i = 1; i < sums.size(); ++i) {
    total.gram.add_(sums[i].gram);
    total.cross.add_(sums[i].cross);
  }
  const auto upper = total.gram.triu();
  total.gram = upper + total.gram.triu(1).t();
  return total;
}

double condition_number(const torch::Tensor& matrix) {
  const BlasTurn turn;
  const auto values = at::linalg_eigvalsh(matrix);
  const double least = values[0].item<double>();
  const double most = values[-1].item<double>();
  return least > 0 ? most / least : std::numeric_limits<double>::infinity();
}

}  // namespace expunge
