#include "expunge/attribution/lambda_choice.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <numeric>

#include "expunge/attribution/weighted_sums.h"
#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

constexpr int ratios = 13;

double ratio_at(int k) {
  return 0.1 * std::pow(10.0, 0.25 * k);
}

std::vector<int64_t> drawn_points(int64_t m, const RidgeOptions& options) {
  CounterRng rng(derive_seed(static_cast<uint64_t>(options.seed), "held-out points", 0));
  auto points = rng.permutation(m);
  points.resize(static_cast<size_t>(std::min(m, options.held_out_points)));
  std::sort(points.begin(), points.end());
  return points;
}

// (N, P, C) float32.
torch::Tensor logits_of(const torch::Tensor& logits, const std::vector<int64_t>& points,
                        int64_t workers) {
  const int64_t classes = logits.size(2);
  const auto count = static_cast<int64_t>(points.size());
  auto taken = torch::empty({logits.size(0), count, classes}, torch::kFloat32);
  parallel_for(logits.size(0), workers, [&](int64_t i) {
    auto* to = taken.data_ptr<float>() + i * count * classes;
    for (int64_t p = 0; p < count; ++p) {
      const int64_t point = points[static_cast<size_t>(p)];
      if (!read_values(logits, i, point * classes, classes, to + p * classes)) {
        fail<NonFiniteError>(
            "logits: finite values required, got NaN or infinity at model {}, "
            "point {}",
            i, point);
      }
    }
  });
  return taken;
}

// Rows of x but [begin, end).
torch::Tensor without(const torch::Tensor& x, int64_t begin, int64_t end) {
  return torch::cat({x.slice(0, 0, begin), x.slice(0, end)});
}

struct FoldErrors {
  std::array<double, ratios> error{};
  double null_error = 0;
};

// One fold's models predicted from the others. With G = V diag(e + lambda) V' every penalty costs
// products only; P points, of which the first `own` are training examples with columns `design` of
// the centred masks.
class Fold {
 public:
  Fold(const torch::Tensor& gram, const torch::Tensor& logits, const torch::Tensor& own_columns,
       int64_t begin, int64_t end)
      : held_(end - begin), points_(logits.size(1)), classes_(logits.size(2)) {
    const auto train_gram = without(without(gram, begin, end).t(), begin, end).contiguous();
    const auto cross = without(gram.slice(0, begin, end).t(), begin, end).t();
    const BlasTurn turn;
    const auto [values, vectors] = at::linalg_eigh(train_gram);
    eigenvalues_ = values;
    const auto vectors32 = vectors.to(torch::kFloat32).contiguous();
    cross_ = cross.matmul(vectors).to(torch::kFloat32).contiguous();

    const auto y = without(logits, begin, end);
    const auto mean = y.mean(0, true);
    y_ = product(vectors32, true, (y - mean).reshape({y.size(0), -1}), false);
    truth_ = (logits.slice(0, begin, end) - mean).reshape({held_, -1});

    const auto a = without(own_columns, begin, end);
    a_ = product(vectors32, true, a.to(torch::kFloat32).contiguous(), false);
    a_held_ = own_columns.slice(0, begin, end).to(torch::kFloat32).contiguous();
    // Own effects that these models do not identify say nothing about the penalty.
    identified_ = (a.amax(0) > a.amin(0));
  }

  FoldErrors run(EffectPrior prior, double self_variance, double unit) const {
    FoldErrors errors;
    errors.null_error = sum_of_squares(truth_);
    for (int k = 0; k < ratios; ++k)
      errors.error[static_cast<size_t>(k)] = error_at(prior, self_variance, ratio_at(k) * unit);
    return errors;
  }

 private:
  [[nodiscard]] double error_at(EffectPrior prior, double self_variance, double lambda) const {
    const auto shrink =
        (eigenvalues_.clamp_min(0) + lambda).reciprocal().to(torch::kFloat32).unsqueeze(1);
    const auto weights = cross_ * shrink.t();
    auto residual = truth_ - product(weights, false, y_, false);
    const int64_t own = a_.size(1);
    if (prior != EffectPrior::none && own > 0) {
      const auto q = a_ * shrink;       // V' G^-1 a
      const auto aq = (a_ * q).sum(0);  // a' G^-1 a
      const auto qy = (q.unsqueeze(2) * y_.view({-1, points_, classes_}).narrow(1, 0, own)).sum(0);
      const auto divisor = prior == EffectPrior::self ? aq + 1 / self_variance : aq;
      const auto effect = qy / divisor.unsqueeze(1) * identified_.unsqueeze(1);
      const auto left = a_held_ - product(weights, false, a_, false);  // what the others leave of column a
      residual.view({held_, points_, classes_}).narrow(1, 0, own) -=
          left.unsqueeze(2) * effect.unsqueeze(0);
    }
    return sum_of_squares(residual);
  }

  // Points whose own effect is not identified here count neither for the model nor against it.
  [[nodiscard]] double sum_of_squares(const torch::Tensor& residual) const {
    const auto by_point = residual.view({held_, points_, classes_})
                              .square()
                              .sum(at::IntArrayRef({0, 2}), false, torch::kFloat64);
    const int64_t own = identified_.size(0);
    return (by_point.narrow(0, 0, own) * identified_).sum().item<double>() +
           by_point.narrow(0, own, points_ - own).sum().item<double>();
  }

  int64_t held_, points_, classes_;
  torch::Tensor eigenvalues_;  // (N_train) float64
  torch::Tensor cross_;        // A_held A_train' V
  torch::Tensor y_;            // V' (Z_train - mean) (N_train, P C)
  torch::Tensor truth_;        // Z_held - mean (N_held, P C)
  torch::Tensor a_;            // V' a (N_train, own)
  torch::Tensor a_held_;       // (N_held, own)
  torch::Tensor identified_;   // (own) bool
};

}  // namespace

LambdaChoice choose_lambda(const torch::Tensor& masks, const torch::Tensor& logits,
                           const MaskDesign& design, const RidgeOptions& options,
                           double self_variance) {
  const int64_t models = masks.size(0);
  const int64_t n = masks.size(1);
  const double unit = static_cast<double>(n) * design.alpha * (1 - design.alpha);
  LambdaChoice choice;
  if (options.lambda || options.lambda_ratio) {
    choice.lambda = options.lambda ? *options.lambda : *options.lambda_ratio * unit;
    choice.ratio = choice.lambda / unit;
    return choice;
  }
  if (models < 4) {
    fail<OptionError>(
        "option lambda: must be set with fewer than 4 subset models, got auto with {}", models);
  }
  const auto points = drawn_points(logits.size(1), options);
  const auto sample = logits_of(logits, points, options.workers);
  const auto own = std::lower_bound(points.begin(), points.end(), n) - points.begin();
  auto columns = torch::empty({models, own}, torch::kFloat64);
  for (int64_t p = 0; p < own; ++p)
    columns.select(1, p).copy_(masks.select(1, points[static_cast<size_t>(p)]));
  columns -= design.alpha;

  const int64_t folds = std::min(options.folds, models / 2);
  std::vector<FoldErrors> errors(static_cast<size_t>(folds));
  parallel_for(folds, options.workers, [&](int64_t f) {
    const Fold fold(design.gram, sample, columns, models * f / folds, models * (f + 1) / folds);
    errors[static_cast<size_t>(f)] = fold.run(options.prior, self_variance, unit);
  });

  double null_error = 0;
  for (const auto& fold : errors) null_error += fold.null_error;
  double least = std::numeric_limits<double>::infinity();
  for (int k = 0; k < ratios; ++k) {
    double error = 0;
    for (const auto& fold : errors) error += fold.error[static_cast<size_t>(k)];
    if (error < least) {
      least = error;
      choice.ratio = ratio_at(k);
    }
    choice.curve.push_back({ratio_at(k), null_error > 0 ? error / null_error : 1});
  }
  choice.lambda = choice.ratio * unit;
  return choice;
}

}  // namespace expunge
