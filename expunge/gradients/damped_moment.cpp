#include "expunge/gradients/damped_moment.h"

#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_cholesky_ex.h>

#include <cmath>

#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"

namespace expunge {
namespace {

// In float64: a moment's largest eigenvalue is many times its mean one.
torch::Tensor inverse_of(torch::Tensor system) {
  const auto dtype = system.scalar_type();
  const BlasTurn turn;
  const auto [factor, info] = at::linalg_cholesky_ex(system.to(torch::kFloat64));
  if (info.item<int>() != 0) fail<NonFiniteError>("a damped moment is not positive definite");
  return at::cholesky_inverse(factor).to(dtype).contiguous();
}

}  // namespace

DampedMoment::DampedMoment(const torch::Tensor& rows, int64_t count, double damp) {
  const int64_t d = rows.size(1);
  const auto n = static_cast<double>(count);
  const bool small = rows.size(0) < d;
  const int64_t side = small ? rows.size(0) : d;
  auto system = at::empty({side, side}, rows.options());
  gemm(rows, !small, rows, small, system);
  // X X' and X'X have the same trace.
  const double mean =
      system.diagonal().sum(torch::kFloat64).item<double>() / (n * static_cast<double>(d));
  if (!std::isfinite(mean)) fail<NonFiniteError>("a moment of {} rows is not finite", rows.size(0));
  if (mean == 0) {
    inverse_ = at::eye(d, rows.options());
    return;
  }
  ridge_ = damp * mean;
  if (!small) system /= n;
  system.diagonal() += small ? n * ridge_ : ridge_;
  inverse_ = inverse_of(system);
  if (small) rows_ = rows;
}

torch::Tensor DampedMoment::divide(const torch::Tensor& b) const {
  const int64_t side = inverse_.size(0);
  if (!rows_.defined()) {
    auto result = at::empty_like(b);
    gemm(b, false, inverse_, false, result);
    return result;
  }
  auto products = at::empty({b.size(0), side}, b.options());
  gemm(b, false, rows_, true, products);
  auto solved = at::empty_like(products);
  gemm(products, false, inverse_, false, solved);
  auto result = b.clone();
  gemm(solved, false, rows_, false, result, -1 / ridge_, 1 / ridge_);
  return result;
}

}  // namespace expunge
