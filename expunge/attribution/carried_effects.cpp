#include "expunge/attribution/carried_effects.h"

#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/tensor.h>

#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"
#include "expunge/data/forget_set.h"

namespace expunge {

CarriedEffects CarriedEffects::fit(const torch::Tensor& kernel, double ridge) {
  if (kernel.dim() != 2 || kernel.scalar_type() != torch::kFloat32 ||
      kernel.size(0) < kernel.size(1) || kernel.size(1) < 2) {
    fail<InputError>(
        "kernel: (points, examples) of float32 with at least 2 examples and as many "
        "points required, got ({}) of {}",
        fmt::join(kernel.sizes(), ", "), toString(kernel.scalar_type()));
  }
  if (!(ridge > 0)) fail<InputError>("kernel: a ridge above 0 required, got {}", ridge);
  if (!kernel.isfinite().all().item<bool>())
    fail<NonFiniteError>("kernel: finite values required, got NaN or infinity");
  CarriedEffects fitted;
  fitted.kernel_ = kernel;
  const int64_t n = kernel.size(1);
  on_one_thread([&] {
    auto gram = kernel.narrow(0, 0, n).to(torch::kFloat64);
    gram = (gram + gram.t()) / 2;
    fitted.ridge_ = ridge * gram.diagonal().mean().item<double>();
    gram.diagonal().add_(fitted.ridge_);
    const auto [factor, info] = at::linalg_cholesky_ex(gram);
    if (!(fitted.ridge_ > 0) || info.item<int>() != 0)
      fail<InputError>("kernel: a positive semidefinite one over the examples required");
    fitted.precision_ = at::cholesky_inverse(factor);
  });
  return fitted;
}

torch::Tensor CarriedEffects::shift(std::span<const int64_t> forget,
                                    const torch::Tensor& own) const {
  const int64_t n = precision_.size(0);
  check_forget_set(forget, n, "removal set");
  if (own.dim() != 2 || own.size(0) != n) {
    fail<InputError>("own effects: ({}, classes) required, got ({})", n,
                     fmt::join(own.sizes(), ", "));
  }
  torch::Tensor shift;
  on_one_thread([&] {
    const auto which = torch::tensor(std::vector<int64_t>(forget.begin(), forget.end()));
    const auto columns = precision_.index_select(1, which);  // P_SF
    const auto inner = columns.index_select(0, which);       // P_FF
    const auto diagonal = inner.diagonal();
    // B: (m, F), what a unit of each example's effect on itself does to every point.
    auto shares =
        kernel_.to(torch::kFloat64).matmul(at::linalg_solve(inner, columns, /*left=*/false));
    shares = shares * (diagonal / (1 - ridge_ * diagonal));
    for (size_t i = 0; i < forget.size(); ++i) shares[forget[i]][static_cast<int64_t>(i)] = 0;
    shift = -shares.matmul(own.index_select(0, which).to(torch::kFloat64));
  });
  return shift.to(torch::kFloat32);
}

torch::Tensor CarriedDatamodels::removal_shifts(
    std::span<const std::vector<int64_t>> removals) const {
  auto shifts = datamodels_.removal_shifts(removals);
  for (size_t k = 0; k < removals.size(); ++k)
    shifts[static_cast<int64_t>(k)] += carried_.shift(removals[k], datamodels_.own_effects());
  return shifts;
}

}  // namespace expunge
