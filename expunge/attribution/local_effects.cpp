#include "expunge/attribution/local_effects.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "expunge/attribution/weighted_sums.h"
#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

// One training example at a time.
class LocalFit {
 public:
  LocalFit(const torch::Tensor& masks, const torch::Tensor& logits, const torch::Tensor& gram,
           double lambda, const LocalEffectOptions& options)
      : masks_(masks),
        logits_(logits),
        gram_(gram),
        luck_(options.weight * lambda),
        models_(masks.size(0)),
        points_(logits.size(1)),
        classes_(logits.size(2)),
        neighbours_(std::min(options.neighbours, points_ - 1)),
        alpha_(masks.to(torch::kFloat64).mean().item<double>()) {
    const auto share = torch::full({1, models_}, 1.0F / static_cast<float>(models_));
    places_ = weighted_sums(share, logits, "logits", options.workers)[0].to(torch::kFloat64);
    places_ = (places_ - places_.mean(1, true)).contiguous();
  }

  void run(int64_t j, OwnEffectEstimates& to) const {
    const auto seen = masks_.select(1, j);
    const auto a = (seen.to(torch::kFloat64) - alpha_).unsqueeze(1);
    const auto logits = columns({j});
    const int64_t count = seen.sum().item<int64_t>();
    to.mean_logits[j].copy_(seen.to(torch::kFloat64).unsqueeze(0).matmul(logits)[0] /
                            static_cast<double>(count));

    auto gram = gram_;
    const auto near = nearest(j);
    const BlasTurn turn;
    if (!near.empty()) {
      const auto x = columns(near);
      const auto centred = x - x.mean(0, true);
      const auto shared = centred.matmul(centred.t());
      const double squares = shared.trace().item<double>();
      if (squares > 0) gram = gram_ + (luck_ * static_cast<double>(models_) / squares) * shared;
    }
    const auto solved = at::linalg_solve_triangular(
        at::linalg_cholesky(gram), torch::cat({a, logits - logits.mean(0, true)}, 1),
        /*upper=*/false);
    const auto u = solved.select(1, 0);  // L^-1 a
    const auto w = solved.slice(1, 1);   // L^-1 y, a column a class
    const double aq = u.square().sum().item<double>();
    const auto qy = u.unsqueeze(0).matmul(w)[0];
    to.effect[j].copy_(qy / aq);
    const bool identified = count > 0 && count < models_ && models_ > 2;
    if (identified) {
      to.variance[j].copy_((w.square().sum(0) - qy.square() / aq).clamp_min(0) /
                           (static_cast<double>(models_ - 2) * aq));
    } else {
      to.variance[j].fill_(std::numeric_limits<double>::infinity());
    }
  }

 private:
  // (N, points C) float64.
  [[nodiscard]] torch::Tensor columns(const std::vector<int64_t>& points) const {
    const int64_t width = static_cast<int64_t>(points.size()) * classes_;
    auto taken = torch::empty({models_, width}, torch::kFloat32);
    for (int64_t i = 0; i < models_; ++i) {
      auto* row = taken.data_ptr<float>() + i * width;
      for (const int64_t p : points) {
        read_values(logits_, i, p * classes_, classes_, row);
        row += classes_;
      }
    }
    return taken.to(torch::kFloat64);
  }

  [[nodiscard]] std::vector<int64_t> nearest(int64_t j) const {
    const auto* z = places_.data_ptr<double>();
    std::vector<std::pair<double, int64_t>> others;
    others.reserve(static_cast<size_t>(points_));
    for (int64_t p = 0; p < points_; ++p) {
      if (p == j) continue;
      double distance = 0;
      for (int64_t c = 0; c < classes_; ++c) {
        const double difference = z[p * classes_ + c] - z[j * classes_ + c];
        distance += difference * difference;
      }
      others.emplace_back(distance, p);
    }
    std::nth_element(others.begin(), others.begin() + neighbours_, others.end());
    std::vector<int64_t> points;
    for (int64_t k = 0; k < neighbours_; ++k)
      points.push_back(others[static_cast<size_t>(k)].second);
    std::sort(points.begin(), points.end());
    return points;
  }

  const torch::Tensor& masks_;
  const torch::Tensor& logits_;
  const torch::Tensor& gram_;
  double luck_;  // w lambda
  int64_t models_, points_, classes_, neighbours_;
  double alpha_;
  torch::Tensor places_;  // (m, C) float64 mean logits, less their mean over classes
};

}  // namespace

OwnEffectEstimates local_own_effects(const torch::Tensor& masks, const torch::Tensor& logits,
                                     const torch::Tensor& gram, double lambda,
                                     const LocalEffectOptions& options) {
  if (options.neighbours < 1)
    fail("own effects: at least 1 neighbour required, got {}", options.neighbours);
  if (!(options.weight >= 0)) fail("own effects: weight >= 0 required, got {}", options.weight);
  const LocalFit fit(masks, logits, gram, lambda, options);
  const int64_t n = masks.size(1);
  OwnEffectEstimates estimates;
  for (auto* part : {&estimates.effect, &estimates.variance, &estimates.mean_logits})
    *part = torch::empty({n, logits.size(2)}, torch::kFloat64);
  parallel_for(n, options.workers, [&](int64_t j) { fit.run(j, estimates); });
  return estimates;
}

}  // namespace expunge
