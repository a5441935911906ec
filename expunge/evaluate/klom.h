// KLoM: how far the margins of unlearned models are from the margins of oracles.
//
// Definition (Georgiev et al., arXiv 2410.23232, section 3, made exact here; natural logarithm).
// For each evaluation point, with the margins u of Nu unlearned models and o of No oracles:
//   1. clip u and o to [-clip, clip];
//   2. lo, hi = minimum and maximum of both together; hi = lo + 1 if they are equal;
//   3. edges e_k = lo + k (hi - lo) / bins, k = 0 .. bins, in float32 arithmetic and e_bins = hi,
//   as
//      NumPy 2 computes linspace of two float32 numbers; bin k holds e_k <= x < e_{k+1};
//   4. p, q = histogram of u and of o, each divided by its own count;
//   5. KLoM = sum over bins with p > 0 of p log(p / max(q, floor_probability)); q is not normalised
//      again.
// The conventions differ in where x = hi belongs:
//   corrected  in the last bin, as in numpy.histogram.
//   easydub    in no bin: it is dropped before step 4 divides (a side of which nothing is left has
//   a
//              histogram of zeros). Published figures of the EasyDUB code were computed so. It
//              calls unlearned margins that all equal the maximum perfect: for comparison only.
// KLoM depends on the number of models: compare figures of equal Nu and No only, and beside the
// floor, which is KLoM of other oracles against the same oracles.
//
// Legend: Nu unlearned models, No oracles, m evaluation points.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "expunge/core/options.h"

namespace expunge {

enum class KlomConvention { corrected, easydub };

struct KlomOptions {
  KlomConvention convention = KlomConvention::corrected;
  int64_t bins = 20;                // equal bins over the pooled range, 1 to 1,000
  double clip = 100;                // nats, above 0 and at most 1e6
  double floor_probability = 1e-5;  // the least probability of an oracle's bin, above 0, at most 1
  int64_t workers = 0;              // threads, 0: one a processor; the result does not depend on it

  /// Throws OptionError.
  void validate() const;
};

OptionGroup options_of(KlomOptions& options);

/// KLoM of every point, in nats. unlearned: (Nu, m) float32, oracles: (No, m) float32, margins in
/// nats, at least 2 models a side. Returns (m) float64, because a float32 near 11 cannot tell 1e-6.
///
/// Not symmetric: the divergence is from the first argument to the second. Order of models within a
/// side does not matter. Throws InputError for wrong dtypes or shapes and for too few models,
/// NonFiniteError for a NaN or infinite margin (naming side, model and point).
torch::Tensor klom(const torch::Tensor& unlearned, const torch::Tensor& oracles,
                   const KlomOptions& options = {});

/// True if both sides have the 80 models from which on KLoM is stable; warn where it is false.
bool klom_is_stable(int64_t unlearned_models, int64_t oracle_models);

}  // namespace expunge
