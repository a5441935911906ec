// The arithmetic of KLoM on rows of margins; klom.h has the definition, the checks and the threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "expunge/evaluate/klom.h"

namespace expunge {

/// One side: a pointer a model, to its margins at point 0, 1, ... A model may occur more than once
/// (a resample).
using MarginRows = std::span<const float* const>;

/// KLoM between sides of a fixed number of models.
class KlomKernel {
 public:
  /// `options` must be valid.
  KlomKernel(const KlomOptions& options, int64_t unlearned_models, int64_t oracle_models);

  /// Writes KLoM of the points [begin, end) to out[0 .. end - begin). Both sides must have the
  /// number of models of the constructor. False if a margin is NaN or infinite (`out` is then
  /// undefined). Safe to call from several threads.
  [[nodiscard]] bool operator()(MarginRows unlearned, MarginRows oracles, int64_t begin,
                                int64_t end, double* out) const;

 private:
  [[nodiscard]] double divergence(const int32_t* unlearned_at_least,
                                  const int32_t* oracles_at_least) const;

  int64_t unlearned_models_;
  int64_t oracle_models_;
  int64_t bins_;
  float clip_;
  bool keep_maximum_;
  double log_floor_;
  std::vector<double> log_;  // log k for k = 0 .. the larger side
};

}  // namespace expunge
