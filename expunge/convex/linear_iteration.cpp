#include "expunge/convex/linear_iteration.h"

#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <limits>

#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"

namespace expunge {
namespace {

// 1 + a + ... + a^(t-1) for a = 1 - x.
double geometric_sum(double x, int64_t t) {
  const auto count = static_cast<double>(t);
  if (x == 0) return count;
  if (std::fabs(x) < 0.5) return -std::expm1(count * std::log1p(-x)) / x;
  return (1 - std::pow(1 - x, count)) / x;
}

}  // namespace

LinearIteration::LinearIteration(const torch::Tensor& q) {
  const BlasTurn turn;
  auto [values, vectors] = at::linalg_eigh(q);
  const auto* first = values.data_ptr<double>();
  values_.assign(first, first + values.numel());
  vectors_ = vectors.contiguous();
}

std::vector<double> LinearIteration::distances(const torch::Tensor& error,
                                               const torch::Tensor& drift, double step,
                                               std::span<const int64_t> times) const {
  const auto start = product(vectors_, true, error.contiguous(), false);
  const auto pull =
      drift.defined() ? product(vectors_, true, drift.contiguous(), false) : at::zeros_like(start);
  const int64_t p = start.size(0);
  const int64_t k = start.size(1);
  const auto* e = start.data_ptr<double>();
  const auto* g = pull.data_ptr<double>();
  std::vector<double> found;
  for (const int64_t t : times) {
    double square = 0;
    for (int64_t j = 0; j < p; ++j) {
      const double x = step * values_[static_cast<size_t>(j)];
      const double kept = std::pow(1 - x, static_cast<double>(t));
      const double led = step * geometric_sum(x, t);
      for (int64_t c = 0; c < k; ++c) {
        const double value = kept * e[j * k + c] + led * g[j * k + c];
        square += value * value;
      }
    }
    found.push_back(std::sqrt(square));
  }
  return found;
}

double LinearIteration::final_factor(const torch::Tensor& error, double step) const {
  const auto start = product(vectors_, true, error.contiguous(), false).norm(2, 1);
  const double rounding = 1e-12 * start.max().item<double>();
  double factor = 0;
  for (int64_t j = 0; j < start.size(0); ++j) {
    if (start[j].item<double>() > rounding)
      factor = std::max(factor, std::fabs(1 - step * values_[static_cast<size_t>(j)]));
  }
  return factor;
}

double LinearIteration::smallest_positive() const {
  const double rounding = static_cast<double>(values_.size()) *
                          std::numeric_limits<double>::epsilon() * std::fabs(largest());
  for (const double value : values_) {
    if (value > rounding) return value;
  }
  return 0;
}

std::vector<int64_t> recorded_times(int64_t last, int64_t count) {
  std::vector<int64_t> times = {0};
  for (int64_t i = 1; i <= count; ++i) {
    // Between evenly spaced and evenly spaced in the logarithm.
    const double share = static_cast<double>(i) / static_cast<double>(count);
    const auto t = static_cast<int64_t>(std::llround(static_cast<double>(last) * share * share));
    if (t > times.back()) times.push_back(t);
  }
  return times;
}

double decay_rate(std::span<const int64_t> times, std::span<const double> distances, double floor) {
  size_t end = 0;
  while (end < distances.size() && std::isfinite(distances[end]) &&
         distances[end] > floor * distances[0])
    ++end;
  if (end < 2) return 0;
  const size_t last = end - 1;
  size_t first = 0;
  while (first + 1 < last && times[first] < times[last] / 2) ++first;
  return std::log(distances[first] / distances[last]) /
         static_cast<double>(times[last] - times[first]);
}

}  // namespace expunge
