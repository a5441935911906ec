// Datamodels by LASSO, the estimator of Ilyas et al. (arXiv 2202.00622) and, with subset models of
// half of the data, of Attribute-to-Delete (arXiv 2410.23232).
//
// Each evaluation point's logit of each class is a target y (N models), regressed on the masks
// (lasso_solver.h): 1 / (2 N) |y - b - X beta|^2 + lambda |beta|_1. beta_i is the effect of training
// example i, in logits; removing F shifts the logit by minus the sum of F's effects. Most are exactly
// 0, so that all of them can be kept: 8 bytes each.
#pragma once

#include <torch/types.h>

#include <filesystem>

#include "expunge/attribution/attributor.h"
#include "expunge/attribution/fit_origin.h"
#include "expunge/attribution/lambda_choice.h"
#include "expunge/attribution/lasso_options.h"
#include "expunge/core/progress.h"

namespace expunge {

class LassoDatamodels final : public Attributor {
 public:
  /// masks (N, n) bool, logits (N, m, C) float16 or float32; the first n of the m points are the
  /// training set. Neither is kept. The penalty is chosen on the last models (LassoChoice::shared: by 4,096
  /// targets drawn at random, where there are more), then all are fitted. Progress is told as "lasso",
  /// in targets, 4,096 at a time.
  /// InputError for shapes that do not fit, N < 2 (N < 4 where the penalty is chosen);
  /// NonFiniteError; OptionError.
  static LassoDatamodels fit(const torch::Tensor& masks, const torch::Tensor& logits,
                             const LassoOptions& options = {}, ProgressSink* sink = nullptr);

  /// As Attributor says.
  [[nodiscard]] torch::Tensor removal_shifts(
      std::span<const std::vector<int64_t>> removals) const override;

  [[nodiscard]] int64_t points() const { return points_; }
  [[nodiscard]] int64_t classes() const { return classes_; }
  [[nodiscard]] int64_t examples() const { return examples_; }

  /// The effects that are not 0 of target (point, class), by increasing example.
  struct Effects {
    std::span<const int32_t> examples;
    std::span<const float> values;
  };
  [[nodiscard]] Effects effects(int64_t point, int64_t label) const;
  /// How many effects are not 0, over all targets.
  [[nodiscard]] int64_t count() const { return static_cast<int64_t>(which_.size()); }
  /// (m, C) float32: each target's penalty.
  [[nodiscard]] const torch::Tensor& lambdas() const { return lambdas_; }
  /// Squared error of held-out models by penalty, as a share of that of predicting means; ratio is
  /// the share of the largest useful penalty. Empty where the options set lambda.
  [[nodiscard]] const std::vector<PenaltyError>& curve() const { return curve_; }

  /// Writes offsets.npy (m C + 1) int64, examples.npy int32, effects.npy float32 (target t's are those
  /// from offsets[t] on, t = point C + class), lambdas.npy (m, C) float32 and lasso.json.
  void save(const std::filesystem::path& folder) const;
  /// What save() wrote. InputError for files that do not fit each other, NonFiniteError.
  static LassoDatamodels load(const std::filesystem::path& folder);
  /// The same; InputError too if it was fitted to other masks or logits (as arrays_digest() tells) or with
  /// other options.
  static LassoDatamodels load(const std::filesystem::path& folder, const torch::Tensor& masks,
                              const torch::Tensor& logits, const LassoOptions& options = {});
  /// Whether `folder` has what save() wrote.
  static bool is_saved(const std::filesystem::path& folder);

 private:
  LassoDatamodels() = default;
  static FitOrigin origin_of(const torch::Tensor& masks, const torch::Tensor& logits,
                             LassoOptions options);

  int64_t examples_ = 0, points_ = 0, classes_ = 0;
  std::vector<int64_t> offsets_;
  std::vector<int32_t> which_;
  std::vector<float> values_;
  torch::Tensor lambdas_;
  std::vector<PenaltyError> curve_;
  FitOrigin origin_;
};

}  // namespace expunge
