#include "expunge/convex/ridge_dual.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/data/forget_set.h"

namespace expunge {

RidgeDual RidgeDual::fit(const Table& table, const LinearOptions& options) {
  table.validate(table.name.empty() ? "table" : table.name);
  options.validate();
  if (options.standardise == Standardise::again)
    fail<InputError>("ridge regression in its dual form: standardise none or fixed required");
  const auto weights = table.weights_or_ones();
  if (weights.min().item<double>() <= 0)
    fail<InputError>("ridge regression in its dual form: weights above 0 required");
  RidgeDual dual;
  dual.options_ = options;
  dual.coordinates_ = options.standardise == Standardise::none
                          ? Coordinates::identity(table.features())
                          : Coordinates::of(table.x, weights);
  dual.features_ = ((table.x - dual.coordinates_.mean) / dual.coordinates_.scale).contiguous();
  auto kernel = product(dual.features_, false, dual.features_, true);
  kernel.diagonal().add_(options.lambda / weights);
  dual.factor_ = Cholesky(kernel, "ridge regression in its dual form");
  if (options.intercept)
    dual.ones_ = dual.factor_.solve(at::ones({table.size(), 1}, torch::kFloat64));
  dual.solution_ =
      dual.inverse_times(at::cat({table.y, at::zeros({1, table.outputs()}, torch::kFloat64)}));
  return dual;
}

// Block elimination: b = (1' K^-1 r - s) / (1' K^-1 1) for the right-hand side [r; s].
torch::Tensor RidgeDual::inverse_times(const torch::Tensor& b) const {
  const int64_t n = features_.size(0);
  const auto first = factor_.solve(b.narrow(0, 0, n));
  if (!options_.intercept) return at::cat({first, at::zeros({1, b.size(1)}, torch::kFloat64)});
  const auto last = (first.sum(0, true) - b.narrow(0, n, 1)) / ones_.sum();
  return at::cat({first - ones_ * last, last});
}

torch::Tensor RidgeDual::theta_of(const torch::Tensor& solution) const {
  const int64_t n = features_.size(0);
  return at::cat({product(features_, true, solution.narrow(0, 0, n).contiguous(), false),
                  solution.narrow(0, n, 1)});
}

torch::Tensor RidgeDual::theta_without(std::span<const int64_t> forget) const {
  const int64_t n = features_.size(0);
  check_forget_set(forget, n, "forget set");
  const auto at = index_tensor(forget);
  auto columns = at::zeros({n + 1, at.size(0)}, torch::kFloat64);
  columns.scatter_(0, at.unsqueeze(0), 1.0);
  const auto inverse = inverse_times(columns);
  const auto carried =
      at::linalg_solve(inverse.index_select(0, at), solution_.index_select(0, at), /*left=*/true);
  auto left = solution_ - product(inverse.contiguous(), false, carried.contiguous(), false);
  left.index_fill_(0, at, 0);  // 0 but for rounding
  return theta_of(left);
}

}  // namespace expunge
