// Processing a request: from the ledger to a new version of the model with its certificate.
//
// Steps, each of which may be the last of a process that is killed:
//   1. predict, and compare with the budget                         nothing is written
//   2. the request is processing, as the next version                 one transaction
//   3. match; model, effects, certificate, signature, page          files that appear whole; done again, the same
//   4. the version is there and the request processed               one transaction
//   5. pixels, labels and outputs of its examples become 0          files again
//   6. the erasure is recorded, users' keys go                      one transaction
// Whoever comes next goes on where the ledger says: at 3 with the same model, or at 5.
#pragma once

#include <optional>

#include "expunge/desk/desk.h"
#include "expunge/evaluate/klom_forecast.h"

namespace expunge::desk {

struct ProcessOptions {
  bool past_limit = false;  // go on where the predicted error is past the hard limit
  bool wait = false;        // for another process that is at work
  int64_t workers = 0;
};

struct ProcessedRequest {
  int64_t request = 0;
  std::optional<int64_t> version = {};  // none where all of its examples had been removed before
  int64_t removed = 0;
  KlomForecast forecast = {};
  UnlearnSummary work = {};
  Budget budget = {};
};

/// Finishes what was begun, or processes the oldest pending request; none if there is none. InputError, with
/// nothing changed, if the predicted error would be past the hard limit, if an example of it cannot be forecast, if
/// it would remove all that is left, or if what removals are predicted from was erased.
std::optional<ProcessedRequest> process_next(Desk& desk, const ProcessOptions& options);

}  // namespace expunge::desk
