#include "expunge/attribution/point_effects.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/inverse.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "expunge/attribution/mask_gram.h"
#include "expunge/attribution/student_t.h"
#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

// Of any of n effects that are all 0, to stand out.
constexpr double chance = 0.05;
// Of the unexplained part of an example's column: below, nothing is left of it but rounding.
constexpr double least_part = 1e-9;
constexpr int64_t examples_of_block = 256;

// Effects of all examples, given columns X that have no prior.
struct Solved {
  torch::Tensor effect, error, shrunk;  // (n) float64
};

class PointSolver {
 public:
  PointSolver(const torch::Tensor& masks, const MaskDesign& design, double lambda, int64_t workers)
      : masks_(masks),
        alpha_(design.alpha),
        workers_(workers),
        factor_(factorised(design, lambda)),
        sizes_(at::empty({masks.size(1)}, torch::kFloat64)) {
    blocks([&](int64_t begin, int64_t end, const torch::Tensor& a) {
      const BlasTurn turn;
      sizes_.slice(0, begin, end)
          .copy_(at::linalg_solve_triangular(factor_, a, /*upper=*/false).square().sum(0));
    });
  }

  [[nodiscard]] torch::Tensor column(int64_t i) const {
    return masks_.select(1, i).to(torch::kFloat64) - alpha_;
  }

  // y (N), x (N, k), both float64.
  [[nodiscard]] Solved solve(const torch::Tensor& y, const torch::Tensor& x) const {
    const int64_t k = x.size(1);
    const auto both = at::cat({x, y.unsqueeze(1)}, 1);
    torch::Tensor solved, inverse, g;  // G^-1 [X, y], (X'G^-1 X)^-1, X'G^-1 y
    double size = 0;                   // y'P y
    on_one_thread([&] {
      solved = at::cholesky_solve(both, factor_).contiguous();
      const auto inner = both.t().matmul(solved);
      inverse = at::inverse(inner.slice(0, 0, k).slice(1, 0, k));
      g = inner.slice(0, 0, k).select(1, k).contiguous();
      size = inner[k][k].item<double>() - g.dot(inverse.mv(g)).item<double>();
    });
    const auto freedom = static_cast<double>(y.size(0) - k - 1);
    const int64_t n = masks_.size(1);
    Solved out{at::empty({n}, torch::kFloat64), at::empty({n}, torch::kFloat64),
               at::empty({n}, torch::kFloat64)};
    blocks([&](int64_t begin, int64_t end, const torch::Tensor& a) {
      const BlasTurn turn;
      const auto products = a.t().matmul(solved);  // a'G^-1 [X, y]
      const auto c = products.slice(1, 0, k);
      const auto whole = sizes_.slice(0, begin, end);
      const auto part = whole - (c.matmul(inverse) * c).sum(1);
      const auto with_y = products.select(1, k) - c.mv(inverse.mv(g));
      const auto known = part > least_part * whole;
      const auto left = (size - with_y.square() / part).clamp_min(0);
      const auto put = [&](torch::Tensor& to, const torch::Tensor& value, double otherwise) {
        to.slice(0, begin, end).copy_(at::where(known, value, torch::full_like(value, otherwise)));
      };
      put(out.effect, with_y / part, 0);
      put(out.error, (left / freedom * (1 / part - 1)).clamp_min(0).sqrt(),
          std::numeric_limits<double>::infinity());
      put(out.shrunk, with_y, 0);
    });
    return out;
  }

 private:
  void blocks(const std::function<void(int64_t, int64_t, const torch::Tensor&)>& task) const {
    parallel_blocks(masks_.size(1), examples_of_block, workers_, [&](int64_t begin, int64_t end) {
      task(begin, end, masks_.slice(1, begin, end).to(torch::kFloat64) - alpha_);
    });
  }

  torch::Tensor masks_;
  double alpha_;
  int64_t workers_;
  torch::Tensor factor_;  // L with G = L L' (N, N)
  torch::Tensor sizes_;   // a_i'G^-1 a_i (n)
};

void check_points(const torch::Tensor& masks, const torch::Tensor& outputs,
                  std::span<const int64_t> points) {
  require_masks(masks);
  if (outputs.dim() != 2 || outputs.scalar_type() != torch::kFloat32 ||
      outputs.size(0) != masks.size(0) || outputs.size(1) < masks.size(1)) {
    fail<InputError>(
        "outputs: ({}, points) of float32 required, at least {} points, the training examples "
        "first, got ({}) of {}",
        masks.size(0), masks.size(1), fmt::join(outputs.sizes(), ", "),
        toString(outputs.scalar_type()));
  }
  if (masks.size(0) < 5)
    fail<InputError>("effects: at least 5 subset models required, got {}", masks.size(0));
  if (points.empty()) fail<InputError>("effects: at least one point required, got none");
  for (const int64_t point : points) {
    if (point < 0 || point >= outputs.size(1)) {
      fail<InputError>("effects: points from 0 to {} required, got {}", outputs.size(1) - 1, point);
    }
  }
  for (const int64_t point : points) {
    const auto finite = torch::isfinite(outputs.select(1, point));
    if (!finite.all().item<bool>()) {
      fail<NonFiniteError>(
          "outputs: finite values required, got NaN or infinity at model {}, point {}",
          torch::logical_not(finite).nonzero()[0][0].item<int64_t>(), point);
    }
  }
}

PointEffects effects_on(const PointSolver& solver, const torch::Tensor& y, int64_t point,
                        int64_t n) {
  const auto ones = at::ones_like(y);
  const bool trains = point < n;
  auto solved =
      solver.solve(y, trains ? at::stack({ones, solver.column(point)}, 1) : ones.unsqueeze(1));
  if (trains) {
    const auto alone = solver.solve(y, ones.unsqueeze(1));
    solved.effect[point] = alone.effect[point];
    solved.error[point] = alone.error[point];
    solved.shrunk[point] = alone.effect[point];
  }
  PointEffects effects;
  effects.point = point;
  effects.effect = solved.effect;
  effects.error = solved.error;
  effects.shrunk = solved.shrunk;
  effects.mean = y.mean().item<double>();
  effects.freedom = y.size(0) - (trains ? 3 : 2);
  effects.threshold =
      student_t_threshold(chance / static_cast<double>(n), static_cast<double>(effects.freedom));
  for (int64_t i = 0; i < n; ++i) effects.standing_out += effects.stands_out(i) ? 1 : 0;
  return effects;
}

}  // namespace

bool PointEffects::stands_out(int64_t example) const {
  const double size = std::abs(effect[example].item<double>());
  return size > 0 && size > threshold * error[example].item<double>();
}

EffectsOnPoints effects_on_points(const torch::Tensor& masks, const torch::Tensor& outputs,
                                  std::span<const int64_t> points, const EffectOptions& options) {
  options.validate();
  check_points(masks, outputs, points);
  require_varying(masks);
  const auto design = mask_design(masks, options.workers);
  const auto ridge = options.ridge(EffectPrior::own);
  EffectsOnPoints found;
  found.alpha = design.alpha;
  found.lambda = choose_lambda(masks, outputs.contiguous().unsqueeze(2), design, ridge, 0);
  const PointSolver solver(masks, design, found.lambda.lambda, options.workers);
  for (const int64_t point : points) {
    found.points.push_back(
        effects_on(solver, outputs.select(1, point).to(torch::kFloat64), point, masks.size(1)));
  }
  return found;
}

std::vector<int64_t> strongest_examples(const PointEffects& effects, int64_t count, int sign) {
  const auto signed_effects = effects.shrunk * static_cast<double>(sign);
  const auto* values = signed_effects.data_ptr<double>();
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < signed_effects.size(0); ++i) {
    if (values[i] > 0) chosen.push_back(i);
  }
  std::stable_sort(chosen.begin(), chosen.end(), [&](int64_t a, int64_t b) {
    if ((a == effects.point) != (b == effects.point)) return a == effects.point;
    return values[a] > values[b];
  });
  if (static_cast<int64_t>(chosen.size()) > count) chosen.resize(static_cast<size_t>(count));
  return chosen;
}

}  // namespace expunge
