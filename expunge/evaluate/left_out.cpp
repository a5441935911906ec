#include "expunge/evaluate/left_out.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"
#include "expunge/evaluate/margins.h"
#include "expunge/evaluate/roc.h"

namespace expunge {
namespace {

// Mean and variance of one group of models, in one pass (Welford).
struct GroupOfModels {
  int64_t count = 0;
  double mean = 0;
  double squares = 0;

  void add(double x) {
    ++count;
    const double from = x - mean;
    mean += from / static_cast<double>(count);
    squares += from * (x - mean);
  }
  // Squared standard error of the mean.
  [[nodiscard]] double error2() const {
    return squares / static_cast<double>(count - 1) / static_cast<double>(count);
  }
};

void check_left_out(const torch::Tensor& masks, const torch::Tensor& margins) {
  if (masks.dim() != 2 || masks.scalar_type() != torch::kBool || masks.size(1) < 1) {
    fail<InputError>("masks: (models, examples) bool required, got ({}) of {}",
                     fmt::join(masks.sizes(), ", "), toString(masks.scalar_type()));
  }
  require_margins("margins", margins, "left-out margins", 4);
  if (margins.size(0) != masks.size(0) || margins.size(1) < masks.size(1)) {
    fail<InputError>(
        "margins: ({}, points) required, at least {} points, the training examples first, got ({})",
        masks.size(0), masks.size(1), fmt::join(margins.sizes(), ", "));
  }
}

void check_suspicion(const torch::Tensor& suspicion) {
  if (suspicion.dim() != 1 || suspicion.scalar_type() != torch::kFloat64) {
    fail<InputError>("suspicion: (examples) of float64 required, got ({}) of {}",
                     fmt::join(suspicion.sizes(), ", "), toString(suspicion.scalar_type()));
  }
  if (!torch::isfinite(suspicion).all().item<bool>())
    fail<NonFiniteError>("suspicion: finite values required, got NaN or infinity");
}

}  // namespace

LeftOutMargins left_out_margins(const torch::Tensor& masks, const torch::Tensor& margins,
                                int64_t workers) {
  check_left_out(masks, margins);
  const int64_t models = masks.size(0);
  const int64_t n = masks.size(1);
  const int64_t points = margins.size(1);
  const auto seen = masks.contiguous();
  const auto values = margins.contiguous();
  LeftOutMargins out;
  for (auto* part : {&out.margin, &out.margin_error, &out.probability, &out.own_effect,
                     &out.own_effect_error, &out.models_without})
    *part = at::empty({n}, torch::kFloat64);
  const auto put = [](torch::Tensor& to, int64_t i, double value) {
    to.data_ptr<double>()[i] = value;
  };
  parallel_blocks(n, 256, workers, [&](int64_t begin, int64_t end) {
    const auto width = static_cast<size_t>(end - begin);
    std::vector<GroupOfModels> with(width), without(width);
    std::vector<double> probability(width);
    for (int64_t row = 0; row < models; ++row) {
      const bool* saw = seen.data_ptr<bool>() + row * n;
      const float* y = values.data_ptr<float>() + row * points;
      for (int64_t i = begin; i < end; ++i) {
        const auto at = static_cast<size_t>(i - begin);
        const double margin = y[i];
        if (!std::isfinite(margin)) {
          fail<NonFiniteError>(
              "margins: finite values required, got NaN or infinity at model {}, point {}", row, i);
        }
        (saw[i] ? with : without)[at].add(margin);
        if (!saw[i]) probability[at] += 1 / (1 + std::exp(-margin));
      }
    }
    for (int64_t i = begin; i < end; ++i) {
      const auto& in = with[static_cast<size_t>(i - begin)];
      const auto& rest = without[static_cast<size_t>(i - begin)];
      if (in.count < 2 || rest.count < 2) {
        fail<InputError>(
            "masks: training example {}: at least 2 models that saw it and 2 that did not "
            "required, got {} and {}",
            i, in.count, rest.count);
      }
      put(out.margin, i, rest.mean);
      put(out.margin_error, i, std::sqrt(rest.error2()));
      put(out.probability, i,
          probability[static_cast<size_t>(i - begin)] / static_cast<double>(rest.count));
      put(out.own_effect, i, in.mean - rest.mean);
      put(out.own_effect_error, i, std::sqrt(in.error2() + rest.error2()));
      put(out.models_without, i, static_cast<double>(rest.count));
    }
  });
  return out;
}

std::vector<int64_t> most_suspicious(const torch::Tensor& suspicion, int64_t count) {
  check_suspicion(suspicion);
  const int64_t n = suspicion.size(0);
  if (count < 1 || count > n)
    fail<InputError>("suspicion: from 1 to {} examples required, got {}", n, count);
  const auto values = suspicion.contiguous();
  const auto* of = values.data_ptr<double>();
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [of](int64_t a, int64_t b) { return of[a] > of[b]; });
  order.resize(static_cast<size_t>(count));
  return order;
}

Detection detection_of(const torch::Tensor& suspicion, const torch::Tensor& wrong) {
  check_suspicion(suspicion);
  if (wrong.sizes() != suspicion.sizes() || wrong.scalar_type() != torch::kBool) {
    fail<InputError>("wrong labels: ({}) of bool required, got ({}) of {}", suspicion.size(0),
                     fmt::join(wrong.sizes(), ", "), toString(wrong.scalar_type()));
  }
  const auto flags = wrong.contiguous();
  const auto scores = suspicion.contiguous();
  const bool* is_wrong = flags.data_ptr<bool>();
  std::vector<ScoredDecision> decisions;
  for (int64_t i = 0; i < suspicion.size(0); ++i)
    decisions.push_back({scores.data_ptr<double>()[i], 1.0, is_wrong[i]});
  Detection detection;
  detection.auc = area_under(roc_curve(decisions));
  detection.count = wrong.sum().item<int64_t>();
  for (const int64_t i : most_suspicious(suspicion, detection.count))
    detection.found += is_wrong[i] ? 1 : 0;
  detection.precision = static_cast<double>(detection.found) / static_cast<double>(detection.count);
  return detection;
}

}  // namespace expunge
