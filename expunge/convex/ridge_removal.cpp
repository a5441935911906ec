#include "expunge/convex/ridge_removal.h"

#include <ATen/ops/eye.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <limits>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/data/forget_set.h"

namespace expunge {
namespace {

constexpr double kGrowth = 4;  // |A_S| / |A_R| from which the data are asked
constexpr int64_t kMostPasses = 8;

// F in the coordinates of the state: rows, targets, and what is left to explain of them.
struct Removed {
  torch::Tensor rows;     // U (f, p)
  torch::Tensor all;      // (f, d + 1)
  torch::Tensor targets;  // sqrt(w) y (f, k)
  torch::Tensor errors;   // e (f, k)
};

Removed removed_rows(const RidgeState& state, const Table& table, std::span<const int64_t> forget) {
  Removed f;
  f.all = design_rows(table, forget, state.coordinates());
  f.rows = f.all.narrow(1, 0, state.p());
  const auto at = index_tensor(forget);
  f.targets = table.y.index_select(0, at);
  if (table.weights.defined())
    f.targets = f.targets * table.weights.index_select(0, at).sqrt().unsqueeze(1);
  f.errors = f.targets - product(f.all, false, state.theta(), false);
  return f;
}

// X' (y - X theta) over R, by blocks of the table.
torch::Tensor retained_gradient(const Table& table, const torch::Tensor& theta,
                                const Coordinates& coordinates, const torch::Tensor& retained) {
  auto sum = at::zeros_like(theta);
  constexpr int64_t block = 4096;
  for (int64_t begin = 0; begin < table.size(); begin += block) {
    const int64_t count = std::min(block, table.size() - begin);
    Table part;
    part.x = table.x.narrow(0, begin, count);
    part.weights =
        table.weights_or_ones().narrow(0, begin, count) * retained.narrow(0, begin, count);
    const auto z = design_matrix(part, coordinates);
    auto errors = table.y.narrow(0, begin, count) * part.weights.sqrt().unsqueeze(1) -
                  product(z, false, theta, false);
    gemm(z, true, errors, false, sum, 1, 1);
  }
  return sum;
}

// Solves A_R x = b (p, k).
using Solver = std::function<torch::Tensor(const torch::Tensor&)>;

void refine(torch::Tensor& theta, const torch::Tensor& residual, const Solver& solve) {
  theta = (theta + solve(residual)).contiguous();
}

torch::Tensor retained_flags(std::span<const int64_t> forget, int64_t n) {
  return forget_mask(forget, n).logical_not().to(torch::kFloat64);
}

}  // namespace

const char* downdate_name(Downdate method) {
  switch (method) {
    case Downdate::automatic:
      return "automatic";
    case Downdate::woodbury:
      return "woodbury";
    case Downdate::rotations:
      return "rotations";
    case Downdate::refactor:
      return "refactor";
    case Downdate::rebuild:
      return "rebuild";
  }
  return "?";
}

RidgeRemoval RidgeRemoval::of(const RidgeState& state, const Table& table,
                              std::span<const int64_t> forget, const RemovalOptions& options) {
  check_forget_set(forget, table.size(), "forget set");
  const auto f = static_cast<int64_t>(forget.size());
  const int64_t p = state.p();
  const bool again = state.options().standardise == Standardise::again;
  if (table.weights.defined() &&
      !((table.weights * retained_flags(forget, table.size())).max().item<double>() > 0))
    fail<InputError>("forget set: an example with a weight above 0 must be retained, got none");
  RidgeRemoval removal;
  removal.method_ = options.method;
  if (options.method == Downdate::automatic) {
    removal.method_ = 2 * f > table.size()   ? Downdate::rebuild
                      : !again && 4 * f <= p ? Downdate::woodbury
                                             : Downdate::refactor;
  }
  if (again && (removal.method_ == Downdate::woodbury || removal.method_ == Downdate::rotations)) {
    fail<InputError>(
        "removal by {}: standardise none or fixed required, as the factor changes with the "
        "coordinates",
        downdate_name(removal.method_));
  }
  if (removal.method_ == Downdate::rebuild) {
    const auto retained = table.rows(retain_indices(forget, table.size()));
    if (state.options().standardise == Standardise::fixed) {
      const auto targets = retained.y * retained.weights_or_ones().sqrt().unsqueeze(1);
      const auto moments =
          moments_of(retained.size(), table.features() + 1, table.outputs(), options.workers,
                     [&](int64_t begin, int64_t end) {
                       Table part;
                       part.x = retained.x.narrow(0, begin, end - begin);
                       if (retained.weights.defined())
                         part.weights = retained.weights.narrow(0, begin, end - begin);
                       return std::pair(design_matrix(part, state.coordinates()),
                                        targets.narrow(0, begin, end - begin).contiguous());
                     });
      removal.state_ =
          RidgeState::from_sums(moments.gram, moments.cross, state.coordinates(), state.options());
    } else {
      removal.state_ = RidgeState::fit(retained, state.options(), options.workers);
    }
    removal.theta_ = removal.state_->theta();
    removal.coordinates_ = removal.state_->coordinates();
    return removal;
  }

  const auto removed = removed_rows(state, table, forget);
  auto gram = state.gram() - product(removed.all, true, removed.all, false);
  auto cross = state.cross() - product(removed.all, true, removed.targets, false);
  RidgeState next;
  torch::Tensor woodbury_rows, woodbury_half;
  Cholesky small;
  if (removal.method_ == Downdate::refactor) {
    next = RidgeState::from_sums(gram, cross, state.coordinates(), state.options());
  } else {
    next.options_ = state.options();
    next.coordinates_ = state.coordinates();
    next.gram_ = gram;
    next.cross_ = cross;
    if (removal.method_ == Downdate::rotations) {
      next.factor_ = state.factor();
      if (!next.factor_.remove_rows(removed.rows))
        next.factor_ = Cholesky(next.matrix(), "ridge regression");
    }
  }
  const auto matrix = next.matrix();
  removal.growth_ = (state.gram().norm() / gram.norm()).item<double>();

  Solver solve = [&](const torch::Tensor& b) { return next.factor_.solve(b); };
  torch::Tensor theta;
  if (removal.method_ == Downdate::woodbury) {
    // V = R'^-1 U', so that C = 1 - V'V and A_S^-1 U' = R^-1 V.
    woodbury_half = state.factor().half_solve(removed.rows.t()).contiguous();
    woodbury_rows = removed.rows;
    try {
      small = Cholesky(
          at::eye(f, torch::kFloat64) - product(woodbury_half, true, woodbury_half, false), "C");
    } catch (const InputError&) {  // F holds directions that R has to rounding only by the penalty
      auto other = options;
      other.method = Downdate::refactor;
      return of(state, table, forget, other);
    }
    solve = [&](const torch::Tensor& b) {
      const auto first = state.factor().solve(b);
      const auto carried = small.solve(product(woodbury_rows, false, first.contiguous(), false));
      return first +
             state.factor().solve(product(woodbury_rows, true, carried.contiguous(), false));
    };
    const auto carried = small.solve(removed.errors);
    theta = state.theta().narrow(0, 0, p) -
            state.factor().solve(product(woodbury_rows, true, carried.contiguous(), false));
  } else if (removal.method_ == Downdate::rotations) {
    theta = solve(next.cross_.narrow(0, 0, p));
  } else {
    theta = next.theta_.narrow(0, 0, p);
  }
  theta = theta.contiguous();
  if (removal.method_ != Downdate::refactor)  // from_sums() has done it
    refine(theta, next.cross_.narrow(0, 0, p) - product(matrix, false, theta, false), solve);

  if (!(removal.growth_ <= kGrowth)) {
    const auto retained = retained_flags(forget, table.size());
    const auto penalty = next.penalty().unsqueeze(1);
    double last = std::numeric_limits<double>::infinity();
    while (removal.passes_ < kMostPasses) {
      const auto residual =
          retained_gradient(table, next.padded(theta), next.coordinates_, retained)
              .narrow(0, 0, p) -
          penalty * theta;
      const auto change = solve(residual);
      const double size = (change.norm() / theta.norm().clamp_min(1e-300)).item<double>();
      ++removal.passes_;
      if (!(size < last / 2)) break;  // rounding is all that is left
      theta = (theta + change).contiguous();
      last = size;
    }
  }
  next.theta_ = next.padded(theta);
  removal.theta_ = next.theta_;
  removal.coordinates_ = next.coordinates_;
  if (removal.method_ != Downdate::woodbury) removal.state_ = std::move(next);
  return removal;
}

torch::Tensor influence_step(const RidgeState& state, const Table& table,
                             std::span<const int64_t> forget) {
  check_forget_set(forget, table.size(), "forget set");
  const auto removed = removed_rows(state, table, forget);
  const auto change = state.factor().solve(product(removed.rows, true, removed.errors, false));
  return state.padded(state.theta().narrow(0, 0, state.p()) - change);
}

torch::Tensor newton_step(const RidgeState& state, const Table& table,
                          std::span<const int64_t> forget, int64_t workers) {
  check_forget_set(forget, table.size(), "forget set");
  const int64_t p = state.p();
  const auto retained = retained_flags(forget, table.size());
  Table weighted = table;
  weighted.weights = table.weights_or_ones() * retained;
  const auto moments =
      moments_of(table.size(), p, table.outputs(), workers, [&](int64_t begin, int64_t end) {
        Table part;
        part.x = weighted.x.narrow(0, begin, end - begin);
        part.weights = weighted.weights.narrow(0, begin, end - begin);
        return std::pair(design_matrix(part, state.coordinates()).narrow(1, 0, p),
                         weighted.y.narrow(0, begin, end - begin).contiguous());
      });
  auto hessian = moments.gram;
  const auto penalty = state.penalty();
  hessian.diagonal().add_(penalty);
  const auto theta = state.theta().narrow(0, 0, p);
  const auto descent =
      retained_gradient(table, state.theta(), state.coordinates(), retained).narrow(0, 0, p) -
      penalty.unsqueeze(1) * theta;
  const Cholesky factor(hessian, "Newton step");
  auto step = factor.solve(descent).contiguous();
  step = step +
         factor.solve(descent - product(hessian, false, step, false));  // rounding of the factor
  return state.padded(theta + step);
}

}  // namespace expunge
