// A forecast of how near to retraining each forget set of an experiment will come, from its subset and full
// models (evaluate/klom_forecast.h): of the prediction (dm-direct) and of the models that are unlearned to it
// (DMM), which takes no oracle either. Where oracles are there already, what came of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "expunge/evaluate/klom_forecast.h"
#include "expunge/pipeline/experiment.h"
#include "expunge/report/report_data.h"

namespace expunge {

struct SetForecast {
  std::string name;    // of the forget set
  std::string method;  // "dm-direct" or "DMM"
  int64_t size = 0;    // |F|
  KlomForecast forecast;
  /// The method's models against as many oracles as the forecast is for, where the experiment has them.
  std::optional<KlomSummary> measured;
  /// As many other oracles against the same ones, where there are twice as many.
  std::optional<double> floor_p95;
};

struct ExperimentForecast {
  int64_t subset_models = 0, full_models = 0, oracles = 0;
  std::string no_mutual_effects;  // why they were not looked at; empty where they were
  std::vector<SetForecast> sets;  // set by set, of each its methods
};

/// Needs the finished stores subset/ and full/ only; predicts the removal shifts where that is not done
/// yet and, with `matching`, unlearns the full models (Experiment::match_prediction). options.oracles = 0 stands for the oracles that evaluate() judges by. InputError names the
/// command that makes what is missing, and throws as forecast_klom() does. Deterministic.
ExperimentForecast forecast(const Experiment& experiment, ForecastOptions options,
                            bool matching = false);

/// What tables, pictures and the report show of it (report/forecast_section.h).
ForecastSection section_of(const ExperimentForecast& forecast);

/// All numbers, as JSON text.
std::string forecast_json(const ExperimentForecast& forecast);

/// What write_forecast() left in an experiment's folder; none if it left nothing. InputError for a file that is
/// no forecast.
std::optional<ForecastSection> read_forecast(const Experiment& experiment);

/// Writes OUT/forecast.json, OUT/forecast.csv (the table) and, where something was measured,
/// OUT/forecast.svg: forecasts against measurements, a panel for each group of points.
void write_forecast(const Experiment& experiment, const ExperimentForecast& forecast);

}  // namespace expunge
