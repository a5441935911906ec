// A stream of deletion requests on an experiment whose data are all still there, so that every step can be held
// against retraining: is one better off going on from the newest model, or starting over from the original one?
//
// The experiment's forget sets must grow: each, in order of size, holds the one before. What comes new is a request, and
// the set's oracles are models trained without the union of all requests so far. The experiment's full models take the
// place of the desk's one model, each with targets of its own, so that KLoM can be measured.
//   newest      from the newest model, reading the newest request's examples and retained ones alone, as the desk does
//   over        from the original model, reading all removed examples each time, which the desk does not keep
//   prediction  the predicted margins themselves, no model
//
// Legend: Nf full models, N subset models, C classes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "expunge/desk/desk_options.h"
#include "expunge/evaluate/klom_forecast.h"
#include "expunge/pipeline/experiment.h"
#include "expunge/report/svg_canvas.h"
#include "expunge/report/text_table.h"

namespace expunge::desk {

struct RehearsalOptions {
  RemovalOptions removal;
  int64_t models = 0;  // of the full models, the first; 0 for all

  void validate() const;
};
OptionGroup options_of(RehearsalOptions& options);

/// KLoM against oracles for the union of all requests so far, P95 over points, nats.
struct WayResult {
  std::string way;
  double forget = 0;  // all removed examples
  double newest = 0;  // those of the newest request
  double retain = 0, validation = 0;
  double work = 0;  // sample gradients, mean over models; of "newest" those of all requests so far
};

/// A forecast and what came of it: on the examples of one request where it is the newest of all that are removed, on
/// retained, or on validation points.
struct Coverage {
  int64_t removed_requests = 0;  // the union
  std::string group;             // "request 3", "retained", "validation"
  int64_t examples = 0;
  ForecastInterval klom, error;  // error: of mean margins, standard deviations
  /// Of predicted margins and of models that came by "newest", each; the error with the noise of finitely many
  /// models taken off.
  double prediction_klom = 0, newest_klom = 0;
  double prediction_error = 0, newest_error = 0;
};

struct RehearsedRequest {
  int64_t number = 0;  // from 1
  int64_t size = 0, removed = 0;
  std::optional<double> floor;  // other oracles against the same ones, all points
  std::vector<WayResult> ways;  // where oracles are there
};

struct Rehearsal {
  int64_t models = 0, oracles = 0;
  std::vector<RehearsedRequest> requests;
  std::vector<Coverage> coverage;
};

/// Needs finished stores subset/ and full/; measures where a set's oracles are finished: half of them judge, the others
/// are the floor. InputError if the sets do not grow or no oracles are there.
Rehearsal rehearse(const Experiment& experiment, const RehearsalOptions& options);

TextTable rehearsal_table(const Rehearsal& rehearsal);
TextTable coverage_table(const Rehearsal& rehearsal);
/// How many of the measurements lie within their intervals, by what was measured.
TextTable coverage_summary(const Rehearsal& rehearsal);
/// KLoM against the number of requests, removed examples and retained ones.
std::vector<SvgCanvas> rehearsal_pictures(const Rehearsal& rehearsal);

}  // namespace expunge::desk
