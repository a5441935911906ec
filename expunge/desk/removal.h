// One step of a sequence of removals: predicting what all of them do, and bringing a model there.
//
// Errors do not pile up, because neither half builds on the other steps' results: the shift is predicted for the
// union of all requests so far, and targets are the original model's logits plus that shift. Only where the model
// stands when it is matched is new each time.
#pragma once

#include "expunge/desk/desk_options.h"
#include "expunge/desk/evidence.h"
#include "expunge/evaluate/klom_forecast.h"
#include "expunge/unlearn/target_matching.h"

namespace expunge::desk {

/// What is removed.
struct RemovalSet {
  std::vector<int64_t> before;  // by earlier requests
  std::vector<int64_t> now;     // by this one; none of them removed before

  [[nodiscard]] std::vector<int64_t> all() const;  // both
};

/// Forecast of how far from retraining without all of them the prediction is (evaluate/klom_forecast.h): for the
/// examples of this request, and for what is retained and validation points. shift: (m, C), of set.all(), already
/// times the configuration's multiplier; earlier: what the last step's forecast said of earlier removals; counts: how
/// many models would be measured, 0 for as many as full ones.
KlomForecast forecast_removal(const Evidence& evidence, const FrozenAttributor& attributor,
                              const LiveProblem& live, const RemovalSet& set,
                              const torch::Tensor& shift, const EarlierRemovals& earlier,
                              const RemovalOptions& options, const ForecastCounts& counts,
                              const KlomOptions& klom_options, int64_t workers);

/// Brings the network to its targets by the matching engine: on `forget` (indices into S) the original logits (m, C)
/// plus the shift (m, C), elsewhere what `hold` says. Reads `live` alone.
UnlearnSummary match_removal(Network& network, const LiveProblem& live,
                             std::span<const int64_t> forget, const torch::Tensor& original_logits,
                             const torch::Tensor& shift, const MatchingOptions& matching, Hold hold,
                             uint64_t seed);

}  // namespace expunge::desk
