// What models that did not see a training example say of it: the sign of a wrong label.
//
// For training example i of N subset models, with margins y (N, n) and masks M (N, n):
//     left out      mean of y_i over the models that left i out: the margin of the label by what the
//                   rest of the data teaches, without the example's own word
//     probability   mean of 1 / (1 + exp(-y_i)) over the same models, the label's probability
//     own effect    mean of y_i over the models that saw i less the one above: how far the example
//                   must be memorised (Feldman and Zhang, arXiv 2008.03703, eq. 1, there of
//                   accuracies). It is the limit of EffectPrior::own (attribution) for a penalty
//                   that grows without end.
// A label that is wrong contradicts what the others teach, so that its margin left out is low; that
// is out-of-sample confidence, as in confident learning (Northcutt et al., arXiv 1911.00068), by
// models that are there already. The full models' own margin hides it as far as they memorise. The
// own effect is large where there was much to memorise, and says so of hard examples too.
//
// Standard errors are over models, as if they were trained again with other seeds and masks, by the
// variances within the two groups: s_out / sqrt(n_out), and for the own effect Welch's.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace expunge {

/// Each (n) float64; margins in nats.
struct LeftOutMargins {
  torch::Tensor margin;            // left out
  torch::Tensor margin_error;      // its standard error
  torch::Tensor probability;       // of the label, left out, in [0, 1]
  torch::Tensor own_effect;        // seen less left out
  torch::Tensor own_effect_error;  // its standard error
  torch::Tensor models_without;    // how many left the example out
};

/// masks (N, n) bool, margins (N, m) float32 with m >= n, the first n of the points the training set.
/// InputError for shapes or dtypes that do not fit, and names an example that fewer than 2 models saw
/// or left out; NonFiniteError names model and point. `workers` as in worker_count(); the result does
/// not depend on it.
LeftOutMargins left_out_margins(const torch::Tensor& masks, const torch::Tensor& margins,
                                int64_t workers = 0);

/// How well a score tells known wrong labels from the rest.
struct Detection {
  int64_t found = 0;     // wrong ones among the `count` with the highest scores
  int64_t count = 0;     // as many as there are wrong ones
  double precision = 0;  // found / count
  double auc = 0;        // probability that a wrong one scores above a right one (roc.h)
};

/// suspicion (n) float64, higher is more suspect; wrong (n) bool, at least one of each. Of equal
/// suspicion the example with the lower index comes first. InputError; NonFiniteError.
Detection detection_of(const torch::Tensor& suspicion, const torch::Tensor& wrong);

/// The `count` examples of highest suspicion (n) float64, highest first; of equal ones the lower index
/// first. InputError unless 0 < count <= n; NonFiniteError.
std::vector<int64_t> most_suspicious(const torch::Tensor& suspicion, int64_t count);

}  // namespace expunge
