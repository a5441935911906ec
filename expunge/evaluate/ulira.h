// U-LiRA, the likelihood-ratio attack on unlearning: can somebody who sees one model's margin of a
// forgotten example tell whether the model was unlearned or is an oracle? 50% right: no.
//
// Definition (Hayes et al., arXiv 2403.01218, after Kurmanji et al., arXiv 2302.09880, and the
// attack on membership of Carlini et al., arXiv 2112.03570; on margins as in Georgiev et al., arXiv
// 2410.23232; made exact here; natural logarithm). The attacker has models of both kinds to learn
// from, and a rule of its own for each example:
//   1. each side's models are split into a half that is fitted and a half that is attacked;
//   2. for each example, margins clipped to [-100, 100], a Gaussian is fitted to each side's fitted
//      half: mean and unbiased variance, (a_u, v_u) of the unlearned models, (a_o, v_o) of oracles;
//   3. each attacked model's margin x of the example gives one decision, by the ratio
//        log p(x | unlearned) - log p(x | oracle)
//          = 1/2 log(v_o / v_u) + 1/2 (x - a_o)^2 / v_o - 1/2 (x - a_u)^2 / v_u:
//      unlearned if it is above 0, oracle if it is below, a coin if it is 0 (counted as 1/2 right).
// A variance is raised to 1e-6 of w = (v_u + v_o) / 2 + (a_u - a_o)^2 / 4, the variance of both
// Gaussians together: a side whose fitted margins are all equal does not divide by zero, and a side
// is touched only if it is a thousand times narrower than both together, where hardly a decision
// depends on it. If w is 0, all fitted margins of the example are equal and the ratio is 0. Nothing
// changes if all margins of an example are multiplied by a factor above 0 or have a number added.
//
// The split. The order of a side's N models is 0, 1, 2, ... for seed 0; for another seed it is
// CounterRng(derive_seed(seed, "ulira split", 0)).permutation(N) for the unlearned models, and with
// index 1 for the oracles. Models at places 0, 2, 4, ... of that order are fitted (the larger half
// if N is odd), those at places 1, 3, 5, ... are attacked. Rows must be independent models: of two
// that stem from one, one may be fitted and the other attacked.
//
// Legend: Nu unlearned models, No oracles, m evaluation points, P examples judged, Au = floor(Nu/2)
// and Ao = floor(No/2) attacked models.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "expunge/core/options.h"
#include "expunge/evaluate/roc.h"

namespace expunge {

struct UliraOptions {
  int64_t seed = 0;     // which models are fitted and which attacked, 0 or more
  int64_t workers = 0;  // threads, 0: one a processor; the result does not depend on it

  /// Throws OptionError.
  void validate() const;
};

OptionGroup options_of(UliraOptions& options);

/// Log ratios log p(margin | unlearned) - log p(margin | oracle), finite; rows are the attacked
/// models in the order of their rows in the margins, columns the examples in the order of `points`.
struct UliraScores {
  torch::Tensor unlearned;  // (Au, P) float64
  torch::Tensor oracle;     // (Ao, P) float64
};

/// Attacks unlearned_margins (Nu, m) float32 and oracle_margins (No, m) float32, in nats, at the
/// given points (indices into the m points; usually the forget set F).
///
/// Throws InputError for wrong dtypes or shapes, fewer than 4 models a side, no points, and a point
/// that is not in [0, m) or occurs twice; NonFiniteError for a NaN or infinite margin of a point
/// that is judged (naming side, model and point).
UliraScores ulira_scores(const torch::Tensor& unlearned_margins,
                         const torch::Tensor& oracle_margins, std::span<const int64_t> points,
                         const UliraOptions& options = {});

/// How well the attack does. Every example weighs the same, and within an example both sides do,
/// each attacked model of a side alike: guessing is 50% right whatever Nu and No are.
struct UliraResult {
  double accuracy = 0;  // share of right decisions, 0 to 1
  /// 95% interval of the accuracy as of independent decisions (Wilson, Journal of the American
  /// Statistical Association 22, 1927). Its n is 1 / (sum of squared weights) of the decisions,
  /// their weights summing to 1: exactly `decisions` if Nu = No (and every forget set has as many
  /// models), else less. Too narrow where a model's decisions go together: see standard_error.
  double accuracy_low = 0, accuracy_high = 0;
  /// Of the accuracy over attacked models, of which each is one observation, however many examples
  /// it decides: sqrt((s_u^2 / Au + s_o^2 / Ao) / 4), s^2 the unbiased variance of the models'
  /// shares of right decisions; of several forget sets the squares add, by their shares of examples
  /// squared. It is that of the attack as fitted: how the fitted half came out is not in it (which
  /// changes nothing if both sides have one distribution: any rule is then right half the time).
  /// Models of several forget sets are taken for independent.
  double standard_error = 0;
  double auc = 0;                   // area under the ROC of the ratio, all examples pooled
  double tpr_at_1_percent = 0;      // unlearned models found where 1% of oracles are taken for one
  double tpr_at_01_percent = 0;     // at 0.1%; with fewer than 1,000 oracle decisions, at none
  std::vector<RocPoint> roc;        // at most 200 points, see thinned_roc(); positive: unlearned
  torch::Tensor accuracy_of_point;  // (P) float64, the sets' examples one set after the other
  int64_t examples = 0;             // P of all sets
  int64_t decisions = 0;            // P (Au + Ao) summed over the sets
};

/// The scores of one or several forget sets judged together. Throws InputError for no set, wrong
/// dtypes or shapes, no example, or fewer than 2 attacked models a side; NonFiniteError for a NaN
/// or infinite score.
UliraResult summarise_ulira(std::span<const UliraScores> sets);

/// True from 200 examples and 50 attacked models a side on, below which the attack says little;
/// warn where it is false.
bool ulira_is_telling(int64_t examples, int64_t attacked_unlearned, int64_t attacked_oracles);

}  // namespace expunge
