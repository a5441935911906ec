#include "expunge/convex/iterations.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/core/simd.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

constexpr double kDiverged = 1e12;  // times the first distance

// y[c] += a x[c].
EXPUNGE_VECTOR_CLONES
void add_scaled_row(double* y, const double* x, double a, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] += a * x[i];
}

EXPUNGE_VECTOR_CLONES
double dot_rows(const double* x, const double* y, int64_t count) {
  double part[8] = {};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int64_t l = 0; l < 8; ++l) part[l] += x[i + l] * y[i + l];
  }
  double sum =
      ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
  for (; i < count; ++i) sum += x[i] * y[i];
  return sum;
}

void apply_link(Link link, double* outputs, int64_t k) {
  if (link == Link::identity) return;
  if (link == Link::logistic) {
    for (int64_t c = 0; c < k; ++c) outputs[c] = 1 / (1 + std::exp(-outputs[c]));
    return;
  }
  const double most = *std::max_element(outputs, outputs + k);
  double sum = 0;
  for (int64_t c = 0; c < k; ++c) sum += outputs[c] = std::exp(outputs[c] - most);
  for (int64_t c = 0; c < k; ++c) outputs[c] /= sum;
}

// One run; coefficients are kept an output after the other, so that products run along the features.
class SgdRun {
 public:
  SgdRun(const StochasticObjective& objective, const torch::Tensor& start,
         const torch::Tensor& reference)
      : objective_(objective),
        n_(objective.z.size(0)),
        p_(objective.z.size(1)),
        k_(objective.y.size(1)),
        theta_(start.t().contiguous().clone()),
        reference_(reference.t().contiguous()) {}

  void step(CounterRng& random, const SgdRuns& runs) {
    const auto batch = static_cast<size_t>(runs.batch);
    rows_.resize(batch);
    errors_.resize(batch * static_cast<size_t>(k_));
    auto* theta = theta_.data_ptr<double>();
    const auto* z = objective_.z.data_ptr<double>();
    const auto* y = objective_.y.data_ptr<double>();
    const auto* weights =
        objective_.weights.defined() ? objective_.weights.data_ptr<double>() : nullptr;
    for (size_t b = 0; b < batch; ++b) {
      const auto i = static_cast<int64_t>(random.below(static_cast<uint64_t>(n_)));
      rows_[b] = i;
      double* errors = errors_.data() + b * static_cast<size_t>(k_);
      for (int64_t c = 0; c < k_; ++c) errors[c] = dot_rows(theta + c * p_, z + i * p_, p_);
      apply_link(objective_.link, errors, k_);
      const double weight = weights == nullptr ? 1 : weights[i];
      for (int64_t c = 0; c < k_; ++c) errors[c] = weight * (errors[c] - y[i * k_ + c]);
    }
    const auto* penalty = objective_.penalty.data_ptr<double>();
    for (int64_t j = 0; j < p_; ++j) {
      if (penalty[j] == 0) continue;
      for (int64_t c = 0; c < k_; ++c) theta[c * p_ + j] *= 1 - runs.step * penalty[j];
    }
    const double scale = runs.step / static_cast<double>(runs.batch);
    for (size_t b = 0; b < batch; ++b) {
      for (int64_t c = 0; c < k_; ++c) {
        add_scaled_row(theta + c * p_, z + rows_[b] * p_,
                       -scale * errors_[b * static_cast<size_t>(k_) + static_cast<size_t>(c)], p_);
      }
    }
  }

  [[nodiscard]] double squared_distance() const {
    const auto* theta = theta_.data_ptr<double>();
    const auto* reference = reference_.data_ptr<double>();
    double sum = 0;
    for (int64_t i = 0; i < p_ * k_; ++i) {
      const double apart = theta[i] - reference[i];
      sum += apart * apart;
    }
    return sum;
  }

 private:
  const StochasticObjective& objective_;
  int64_t n_, p_, k_;
  torch::Tensor theta_, reference_;  // (k, p)
  std::vector<int64_t> rows_;
  std::vector<double> errors_;
};

}  // namespace

std::vector<double> descend(const std::function<torch::Tensor(const torch::Tensor&)>& gradient,
                            const torch::Tensor& start, const torch::Tensor& reference, double step,
                            std::span<const int64_t> times) {
  std::vector<double> found;
  auto theta = start.clone();
  int64_t now = 0;
  for (const int64_t t : times) {
    for (; now < t; ++now) {
      if (interrupt_requested()) throw Interrupted("interrupted");
      theta = theta - step * gradient(theta);
    }
    const double distance = (theta - reference).norm().item<double>();
    if (!std::isfinite(distance) || (!found.empty() && distance > kDiverged * found.front())) break;
    found.push_back(distance);
  }
  return found;
}

SgdCurve stochastic_descend(const StochasticObjective& objective, const torch::Tensor& start,
                            const torch::Tensor& reference, const SgdRuns& runs,
                            std::span<const int64_t> times) {
  if (runs.batch < 1 || runs.runs < 1)
    fail<InputError>("SGD: a batch and runs of at least 1 required, got {} and {}", runs.batch,
                     runs.runs);
  std::vector<std::vector<double>> squares(static_cast<size_t>(runs.runs));
  parallel_for(runs.runs, runs.workers, [&](int64_t r) {
    CounterRng random(derive_seed(runs.seed, runs.role, static_cast<uint64_t>(r)));
    SgdRun run(objective, start, reference);
    auto& found = squares[static_cast<size_t>(r)];
    int64_t now = 0;
    for (const int64_t t : times) {
      for (; now < t; ++now) run.step(random, runs);
      const double square = run.squared_distance();
      if (!std::isfinite(square) ||
          (!found.empty() && square > kDiverged * kDiverged * found.front()))
        break;
      found.push_back(square);
    }
    found.resize(times.size(), std::numeric_limits<double>::infinity());
  });
  SgdCurve curve;
  const auto count = static_cast<double>(runs.runs);
  for (size_t t = 0; t < times.size(); ++t) {
    double mean = 0, spread = 0;
    for (const auto& found : squares) mean += found[t] / count;
    for (const auto& found : squares) spread += (found[t] - mean) * (found[t] - mean);
    curve.mean_square.push_back(mean);
    curve.standard_error.push_back(
        runs.runs > 1 && std::isfinite(mean) ? std::sqrt(spread / (count - 1) / count) : 0);
  }
  return curve;
}

}  // namespace expunge
