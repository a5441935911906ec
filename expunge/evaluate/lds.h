// LDS, the linear datamodelling score: how well attributions predict the outputs of models that were
// trained on parts of the training set.
//
// Definition (Park et al., arXiv 2303.14186, section 2). For an evaluation point with attributions
// s (n), one a training example, and models trained on subsets S_1 ... S_N that the attributions were
// not fitted on, with outputs f(S_1) ... f(S_N) (the point's margin, or one logit):
//     prediction g(S) = sum of s_i over i in S,   LDS = Spearman's rank correlation of g and f.
// Equal values share the mean of their ranks. Pearson's correlation is given beside it, which asks
// for the right proportions too. Neither sees the attributions' scale or offset.
//
// Sign. A score is positive where training on the example raises the output, so that removing it lowers
// the output: good scores have a positive LDS. (A removal shift is minus the sum of scores.)
//
// Ceiling. Outputs depend on the subset and on the training's seed. If models are trained again on the
// same subsets with other seeds, the correlation r of the two trainings' outputs is what the subset
// explains of their variance (Pearson), and whoever knew the expected output of each subset would
// reach sqrt(r), for r is the product of two such correlations.
//
// The interval is that of the mean over these points, as if the models were drawn and trained again:
// each resample takes b = floor(3/4 N) models without replacement, mean -+ 1.96 sd sqrt(b / (N - b)),
// as in group_summary.h, for the ranks of duplicates would mislead the usual bootstrap.
//
// Legend: N models, n training examples, m evaluation points.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

#include "expunge/core/options.h"

namespace expunge {

struct LdsOptions {
  int64_t resamples = 200;  // 0: no interval, else 20 or more
  int64_t seed = 0;         // of the resamples
  int64_t workers = 0;      // threads, 0: one a processor; the result does not depend on it

  /// Throws OptionError.
  void validate() const;
};

OptionGroup options_of(LdsOptions& options);

/// Correlations in [-1, 1].
struct LdsStatistic {
  torch::Tensor of_point;    // (m) float64; 0 where predictions or outputs are all equal
  double mean = 0;           // over points
  double low = 0, high = 0;  // its 95% interval; NaN where none was asked for
};

/// "0.123 (0.100 to 0.150)"; without an interval the mean alone.
std::string words_of(const LdsStatistic& statistic);

struct LdsResult {
  LdsStatistic spearman;
  LdsStatistic pearson;
  int64_t constant_points =
      0;  // whose predictions or outputs are all equal: no correlation, taken as 0
};

/// predictions and outputs (N, m) float32. InputError for other shapes or dtypes and N < 8;
/// NonFiniteError names the array, model and point; OptionError.
LdsResult lds(const torch::Tensor& predictions, const torch::Tensor& outputs,
              const LdsOptions& options = {});

/// The greatest LDS that a perfect predictor of each subset's expected output could have, by the LDS of
/// a second training on the same subsets: sqrt(r), 0 where r is not above 0.
double lds_ceiling(double agreement);

/// g(S) of all models and points, (N, m) float32: masks (N, n) bool times scores (n, m) float32.
/// InputError for shapes or dtypes that do not fit, NonFiniteError for a score.
torch::Tensor subset_predictions(const torch::Tensor& masks, const torch::Tensor& scores);

}  // namespace expunge
