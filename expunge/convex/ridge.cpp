#include "expunge/convex/ridge.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"

namespace expunge {
namespace {

// What is left of a feature's mean square, by which it counts as constant: rounding of sums leaves
// more than this of a variance that is none.
constexpr double kConstant = 1e-12;

// The coordinates of the examples whose sums these are, seen from the present ones: mean and scale.
Coordinates coordinates_of_sums(const torch::Tensor& gram) {
  const int64_t d = gram.size(0) - 1;
  const auto count = gram[d][d];
  const auto mean = gram[d].narrow(0, 0, d) / count;
  const auto square = gram.diagonal().narrow(0, 0, d) / count;
  const auto variance = square - mean.square();
  // In the coordinates of S, in which a removal works, values of S have a mean square of 1.
  const auto varies = variance > kConstant * square.clamp_min(1);
  return {mean.contiguous(), at::where(varies, variance.clamp_min(0).sqrt(), at::ones_like(mean))};
}

}  // namespace

void LinearOptions::validate() const {
  require_option(lambda > 0 && std::isfinite(lambda), "lambda", "a finite number above 0", lambda);
}

OptionGroup options_of(LinearOptions& options) {
  OptionGroup group("convex", "The linear model");
  group.add("lambda", options.lambda,
            "penalty on half the squared coefficients, beside the sum of the examples' losses");
  group.add("intercept", options.intercept, "a constant beside the features, not penalised");
  group.add(
      "standardise", options.standardise,
      {{"none", Standardise::none}, {"fixed", Standardise::fixed}, {"again", Standardise::again}},
      "features brought to mean 0 and deviation 1: never, by all examples (which remembers the "
      "forgotten ones), or by those that are there");
  return group;
}

RidgeState RidgeState::fit(const Table& table, const LinearOptions& options, int64_t workers) {
  table.validate(table.name.empty() ? "table" : table.name);
  options.validate();
  const auto weights = table.weights_or_ones();
  const auto coordinates = options.standardise == Standardise::none
                               ? Coordinates::identity(table.features())
                               : Coordinates::of(table.x, weights);
  const int64_t d = table.features();
  const auto moments =
      moments_of(table.size(), d + 1, table.outputs(), workers, [&](int64_t begin, int64_t end) {
        Table part;
        part.x = table.x.narrow(0, begin, end - begin);
        part.y = table.y.narrow(0, begin, end - begin);
        if (table.weights.defined()) part.weights = weights.narrow(0, begin, end - begin);
        const auto targets =
            table.weights.defined() ? part.y * part.weights.sqrt().unsqueeze(1) : part.y;
        return std::pair(design_matrix(part, coordinates), targets.contiguous());
      });
  auto fixed = options;
  if (fixed.standardise == Standardise::again) fixed.standardise = Standardise::fixed;
  auto state = from_sums(moments.gram, moments.cross, coordinates, fixed);
  state.options_ = options;
  return state;
}

RidgeState RidgeState::fit(const Table& table, std::span<const int64_t> rows,
                           const LinearOptions& options, int64_t workers) {
  return fit(table.rows(rows), options, workers);
}

RidgeState RidgeState::from_sums(torch::Tensor gram, torch::Tensor cross, Coordinates coordinates,
                                 const LinearOptions& options) {
  options.validate();
  RidgeState state;
  state.options_ = options;
  const int64_t d = gram.size(0) - 1;
  if (!(gram[d][d].item<double>() > 0))
    fail<InputError>("ridge regression: an example with a weight above 0 required, got none");
  if (options.standardise == Standardise::again) {
    // z_new = (z - mean) / scale = B z with the rows of B being e_j / scale_j - mean_j / scale_j e_d.
    const auto next = coordinates_of_sums(gram);
    auto change = at::eye(d + 1, torch::kFloat64);
    auto diagonal = change.diagonal().narrow(0, 0, d);
    diagonal.div_(next.scale);
    change.narrow(1, d, 1).narrow(0, 0, d).copy_((-next.mean / next.scale).unsqueeze(1));
    gram = product(product(change, false, gram, false), false, change, true);
    gram = (gram + gram.t()) / 2;
    cross = product(change, false, cross, false);
    coordinates = {coordinates.mean + coordinates.scale * next.mean,
                   coordinates.scale * next.scale};
  }
  state.gram_ = std::move(gram);
  state.cross_ = std::move(cross);
  state.coordinates_ = std::move(coordinates);
  state.factor_ = Cholesky(state.matrix(), "ridge regression");
  const int64_t p = state.p();
  auto theta = state.factor_.solve(state.cross_.narrow(0, 0, p));
  // One step of refinement: what the factor's rounding left.
  theta.add_(state.factor_.solve(state.cross_.narrow(0, 0, p) -
                                 product(state.matrix(), false, theta.contiguous(), false)));
  state.theta_ = state.padded(theta);
  return state;
}

torch::Tensor RidgeState::matrix() const {
  auto matrix = gram_.narrow(0, 0, p()).narrow(1, 0, p()).contiguous().clone();
  matrix.diagonal().narrow(0, 0, gram_.size(0) - 1).add_(options_.lambda);
  return matrix;
}

torch::Tensor RidgeState::penalty() const {
  auto penalty = at::full({p()}, options_.lambda, torch::kFloat64);
  if (options_.intercept) penalty[p() - 1] = 0;
  return penalty;
}

torch::Tensor RidgeState::padded(const torch::Tensor& theta) const {
  if (options_.intercept) return theta.contiguous();
  return at::cat({theta, at::zeros({1, theta.size(1)}, torch::kFloat64)});
}

torch::Tensor RidgeState::leverages(const Table& table) const {
  const auto z = design_matrix(table, coordinates_).narrow(1, 0, p());
  return factor_.half_solve(z.t()).square().sum(0);
}

torch::Tensor RidgeState::leave_one_out(const Table& table) const {
  const auto h = leverages(table);
  if (h.max().item<double>() > 1 - 1e-12) {
    fail<InputError>(
        "leave one out: examples that the others determine without required, got example {} of "
        "leverage 1",
        h.argmax().item<int64_t>());
  }
  return (table.y - model().outputs(table.x)) / (1 - h).unsqueeze(1);
}

}  // namespace expunge
