// The factor that brings predictions to the size of what subset models do.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>

#include "expunge/attribution/attributor.h"

namespace expunge {

struct Multiplier {
  double value = 1;
  double standard_error = 0;  // as if the subset models were drawn and trained again
  double explained = 0;       // share of the logits' variance between models that the scaled
                              // predictions explain, on the models that it was fitted to
  int64_t models = 0;         // that it was fitted to
};

/// Least squares over models i, points j and classes c of
///     z_ijc - mean over i  =  a (d_ijc - mean over i),
/// z the logits of subset models and d the predicted shifts of what each left out; a is the multiplier.
/// Its error counts models, whose points go together (that of a ratio of sums over models).
///
/// masks (N, n) bool, logits (N, m, C) float16 or float32; the first `at_most` of the N models are
/// taken. InputError for other shapes, fewer than 4 models, or predictions that are all alike;
/// NonFiniteError.
Multiplier fit_multiplier(const Attributor& attributor, const torch::Tensor& masks,
                          const torch::Tensor& logits, int64_t at_most = 50);

/// Another attributor's shifts times a factor.
class ScaledAttributor final : public Attributor {
 public:
  ScaledAttributor(std::unique_ptr<Attributor> attributor, double factor);
  [[nodiscard]] torch::Tensor removal_shifts(
      std::span<const std::vector<int64_t>> removals) const override;

 private:
  std::unique_ptr<Attributor> attributor_;
  double factor_;
};

}  // namespace expunge
