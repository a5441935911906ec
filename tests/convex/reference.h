// What the room's results are compared with: sums and eliminations in long double, written out, by no
// route that the library takes; and random tables.
#pragma once

#include <torch/types.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "expunge/convex/table.h"
#include "expunge/core/random.h"

namespace expunge {

using Long = long double;
using LongMatrix = std::vector<std::vector<Long>>;

inline torch::Tensor random_matrix(int64_t rows, int64_t columns, uint64_t seed) {
  CounterRng random(seed);
  auto matrix = torch::empty({rows, columns}, torch::kFloat64);
  auto* values = matrix.data_ptr<double>();
  for (int64_t i = 0; i < matrix.numel(); ++i) values[i] = random.normal();
  return matrix;
}

/// Features whose columns fall from 1 to `spread` in scale, mixed by a rotation; targets with noise.
inline Table random_table(int64_t n, int64_t d, int64_t k, uint64_t seed, double spread = 1) {
  Table table;
  auto x = random_matrix(n, d, seed);
  for (int64_t j = 0; j < d; ++j) {
    const double share = d > 1 ? static_cast<double>(j) / static_cast<double>(d - 1) : 0;
    x.select(1, j).mul_(std::pow(spread, share));
  }
  const auto q = std::get<0>(torch::linalg_qr(random_matrix(d, d, seed + 1)));
  table.x = x.matmul(q).contiguous();
  table.y =
      (table.x.matmul(random_matrix(d, k, seed + 2)) + 0.5 * random_matrix(n, k, seed + 3) + 0.7)
          .contiguous();
  return table;
}

inline std::vector<int64_t> first_indices(int64_t count) {
  std::vector<int64_t> indices(static_cast<size_t>(count));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  return indices;
}

/// Gaussian elimination with partial pivoting; `a` is spoilt.
inline LongMatrix solve_long(LongMatrix a, LongMatrix b) {
  const size_t p = a.size();
  for (size_t c = 0; c < p; ++c) {
    size_t pivot = c;
    for (size_t r = c + 1; r < p; ++r) {
      if (std::fabs(a[r][c]) > std::fabs(a[pivot][c])) pivot = r;
    }
    std::swap(a[c], a[pivot]);
    std::swap(b[c], b[pivot]);
    for (size_t r = c + 1; r < p; ++r) {
      const Long factor = a[r][c] / a[c][c];
      for (size_t j = c; j < p; ++j) a[r][j] -= factor * a[c][j];
      for (size_t j = 0; j < b[r].size(); ++j) b[r][j] -= factor * b[c][j];
    }
  }
  for (size_t c = p; c-- > 0;) {
    for (size_t j = 0; j < b[c].size(); ++j) {
      for (size_t r = c + 1; r < p; ++r) b[c][j] -= a[c][r] * b[r][j];
      b[c][j] /= a[c][c];
    }
  }
  return b;
}

/// The ridge optimum on `rows`, (d + 1, k), in the features as they are: penalty on all but the intercept.
inline torch::Tensor ridge_by_elimination(const Table& table, std::span<const int64_t> rows,
                                          double lambda, bool intercept) {
  const auto d = static_cast<size_t>(table.features());
  const auto k = static_cast<size_t>(table.outputs());
  const size_t p = d + (intercept ? 1 : 0);
  LongMatrix a(p, std::vector<Long>(p, 0)), b(p, std::vector<Long>(k, 0));
  const auto x = table.x.contiguous();
  const auto y = table.y.contiguous();
  const auto w = table.weights_or_ones();
  for (const int64_t i : rows) {
    std::vector<Long> z(p, 1);
    for (size_t j = 0; j < d; ++j) z[j] = x.data_ptr<double>()[static_cast<size_t>(i) * d + j];
    const Long weight = w.data_ptr<double>()[i];
    for (size_t r = 0; r < p; ++r) {
      for (size_t c = 0; c < p; ++c) a[r][c] += weight * z[r] * z[c];
      for (size_t c = 0; c < k; ++c)
        b[r][c] += weight * z[r] * Long(y.data_ptr<double>()[static_cast<size_t>(i) * k + c]);
    }
  }
  for (size_t j = 0; j < d; ++j) a[j][j] += lambda;
  const auto solved = solve_long(a, b);
  auto theta = torch::zeros({table.features() + 1, table.outputs()}, torch::kFloat64);
  for (size_t r = 0; r < p; ++r) {
    for (size_t c = 0; c < k; ++c)
      theta[static_cast<int64_t>(r)][static_cast<int64_t>(c)] = static_cast<double>(solved[r][c]);
  }
  return theta;
}

/// The same with the features of `rows` standardised first; coefficients of features as they are.
inline torch::Tensor standardised_ridge(const Table& table, std::span<const int64_t> rows,
                                        double lambda, bool intercept) {
  Table own = table.rows(rows);
  const auto w = own.weights_or_ones();
  const auto mean = (own.x * w.unsqueeze(1)).sum(0) / w.sum();
  const auto scale = (((own.x - mean).square() * w.unsqueeze(1)).sum(0) / w.sum()).sqrt();
  own.x = ((own.x - mean) / scale).contiguous();
  auto theta = ridge_by_elimination(own, first_indices(own.size()), lambda, intercept);
  const int64_t d = table.features();
  theta.narrow(0, 0, d).div_(scale.unsqueeze(1));
  theta[d] -= (theta.narrow(0, 0, d) * mean.unsqueeze(1)).sum(0);
  return theta;
}

inline torch::Tensor stacked(const LinearModel& model) {
  return torch::cat({model.weights, model.intercept.unsqueeze(0)});
}

inline double relative_error(const torch::Tensor& got, const torch::Tensor& wanted) {
  return ((got - wanted).norm() / wanted.norm()).item<double>();
}

}  // namespace expunge
