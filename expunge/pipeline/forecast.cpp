#include "expunge/pipeline/forecast.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/held_out_margins.h"
#include "expunge/pipeline/mutual_effects.h"
#include "expunge/pipeline/network_kernel.h"
#include "expunge/report/forecast_plot.h"

namespace expunge {
namespace {

using Json = nlohmann::ordered_json;

// Measures what came of it, if this set's oracles are there. judged: (Nf, m) margins.
void measure(const Experiment& experiment, const ForgetSet& set, const torch::Tensor& judged,
             int64_t oracles, SetForecast& result) {
  const auto name = "oracle-" + set.config.name;
  const auto folder = experiment.folder() / name;
  if (!std::filesystem::exists(folder / "ensemble.json") ||
      !EnsembleStore::open(folder).is_complete())
    return;
  const auto logits = experiment.open_store(name, "train").logits();
  if (logits.size(0) < oracles) return;
  const auto& labels = experiment.problem().labels;
  const auto& config = experiment.config().evaluation;
  KlomOptions klom_options = config.klom;
  klom_options.workers = experiment.workers();
  ResamplingOptions resampling = config.resampling;
  resampling.workers = experiment.workers();
  const auto judges = margins(logits.narrow(0, 0, oracles), labels, experiment.workers());
  result.measured = summarise_klom(judged, judges, experiment.problem().n(), set.indices,
                                   klom_options, resampling);
  if (logits.size(0) < 2 * oracles) return;
  const auto others = margins(logits.narrow(0, oracles, oracles), labels, experiment.workers());
  result.floor_p95 =
      summarise_klom(klom(others, judges, klom_options), experiment.problem().n(), set.indices)
          .all.p95;
}

Json number_json(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

Json interval_json(const ForecastInterval& interval) {
  return {{"value", number_json(interval.median)},
          {"low", number_json(interval.low)},
          {"high", number_json(interval.high)}};
}

std::string interval_words(const ForecastInterval& interval) {
  if (!std::isfinite(interval.median)) return "-";
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", interval.median, interval.low, interval.high);
}

struct ForecastGroup {
  const char* name;
  ForecastInterval KlomForecast::*forecast;
  GroupStatistic KlomSummary::*measured;
  PointGroup points;
};
constexpr std::array<ForecastGroup, 3> kForecastGroups = {
    {{"forget", &KlomForecast::forget, &KlomSummary::forget, PointGroup::forget},
     {"retain", &KlomForecast::retain, &KlomSummary::retain, PointGroup::retain},
     {"validation", &KlomForecast::validation, &KlomSummary::validation, PointGroup::validation}}};

}  // namespace

ExperimentForecast forecast(const Experiment& experiment, ForecastOptions options, bool matching) {
  options.workers = experiment.workers();
  if (options.oracles == 0) options.oracles = experiment.judging_oracles();
  const auto subset = experiment.open_store("subset", "train");
  const auto full = experiment.open_store("full", "train");
  if (experiment.needs_attribution()) experiment.attribute();

  const auto& labels = experiment.problem().labels;
  ForecastModels models;
  models.masks = subset.masks().contiguous();
  models.margins = margins(subset.logits(), labels, experiment.workers());
  models.full_margins = margins(full.logits(), labels, experiment.workers());
  models.labels = labels.contiguous();
  models.folds = std::min<int64_t>(5, models.masks.size(0) / 2);
  const auto& attribution = experiment.config().attribution;
  std::optional<CarriedEffects> carried;
  if (attribution.estimator == Estimator::carried) carried = carried_effects(experiment);
  models.held_out =
      held_out_margins(models.masks, subset.logits(), full.logits(), labels, attribution,
                       carried ? &*carried : nullptr, models.folds, experiment.workers());
  const auto& sets = experiment.forget_sets();
  std::vector<torch::Tensor> shifts;
  for (const auto& set : sets)
    shifts.push_back(experiment.shift(set) * experiment.config().evaluation.multiplier);
  const bool has_mutual = attribution.estimator == Estimator::carried;
  const auto mutual = mutual_effects(experiment, shifts, /*within=*/has_mutual);
  std::vector<ForecastCase> cases;
  ExperimentForecast result{
      models.masks.size(0), models.full_margins.size(0), options.oracles, mutual.missing, {}};
  for (size_t k = 0; k < sets.size(); ++k) {
    ForecastCase direct{sets[k].indices,
                        shifted_margins(full.logits(), shifts[k], labels, experiment.workers())};
    if (mutual.missing.empty()) direct.mutual = mutual.of_set[k];
    direct.mutual_predicted = has_mutual;
    cases.push_back(direct);
    if (!matching) continue;
    direct.unlearned =
        margins(experiment.match_prediction(sets[k]).logits(), labels, experiment.workers());
    cases.push_back(std::move(direct));
  }
  auto forecasts = forecast_klom(models, cases, options, experiment.config().evaluation.klom);
  const size_t methods = matching ? 2 : 1;
  for (size_t k = 0; k < cases.size(); ++k) {
    const auto& set = sets[k / methods];
    const bool is_matched = cases[k].unlearned.defined();
    SetForecast of_set{set.config.name,
                       is_matched ? "DMM" : "dm-direct",
                       std::ssize(set.indices),
                       std::move(forecasts[k]),
                       {},
                       {}};
    measure(experiment, set, is_matched ? cases[k].unlearned : cases[k].predicted, options.oracles,
            of_set);
    result.sets.push_back(std::move(of_set));
  }
  return result;
}

TextTable forecast_table(const ExperimentForecast& forecast) {
  const bool measured = std::any_of(forecast.sets.begin(), forecast.sets.end(),
                                    [](const auto& set) { return set.measured.has_value(); });
  std::vector<TableColumn> columns = {
      {"forget set", Align::left}, {"method", Align::left}, {"examples"}, {"multiplier"}};
  for (const auto& group : kForecastGroups) {
    columns.push_back({group.name});
    if (measured) columns.push_back({"measured"});
  }
  TextTable table(columns);
  for (const auto& set : forecast.sets) {
    std::vector<std::string> cells = {set.name, set.method, fmt::format("{}", set.size),
                                      interval_words(set.forecast.multiplier)};
    for (const auto& group : kForecastGroups) {
      cells.push_back(interval_words(set.forecast.*group.forecast));
      if (measured)
        cells.push_back(set.measured ? fmt::format("{:.2f}", ((*set.measured).*group.measured).p95)
                                     : "-");
    }
    table.add_row(std::move(cells));
  }
  return table;
}

std::string forecast_json(const ExperimentForecast& forecast) {
  Json json = {{"subset_models", forecast.subset_models},
               {"full_models", forecast.full_models},
               {"oracles", forecast.oracles},
               {"unit", "nats"},
               {"forget_sets", Json::array()}};
  for (const auto& set : forecast.sets) {
    const auto& p = set.forecast.parameters;
    Json entry = {{"name", set.name},
                  {"method", set.method},
                  {"size", set.size},
                  {"multiplier", interval_json(set.forecast.multiplier)}};
    for (const auto& group : kForecastGroups)
      entry["forecast_p95"][group.name] = interval_json(set.forecast.*group.forecast);
    entry["bias"] = number_json(p.bias);
    entry["coupling"] = number_json(p.coupling);
    entry["own_error"] = number_json(p.own_error);
    entry["spread"] = number_json(p.spread);
    if (forecast.no_mutual_effects.empty())
      entry["mutual_effects"] = number_json(set.forecast.mutual);
    if (set.measured) {
      for (const auto& group : kForecastGroups) {
        const auto& statistic = (*set.measured).*group.measured;
        entry["measured_p95"][group.name] = {{"value", number_json(statistic.p95)},
                                             {"low", number_json(statistic.p95_low)},
                                             {"high", number_json(statistic.p95_high)}};
      }
    }
    if (set.floor_p95) entry["floor_p95"] = number_json(*set.floor_p95);
    entry["warnings"] = set.forecast.warnings;
    json["forget_sets"].push_back(std::move(entry));
  }
  return json.dump(2) + "\n";
}

void write_forecast(const Experiment& experiment, const ExperimentForecast& forecast) {
  const auto& folder = experiment.folder();
  write_file_atomically(folder / "forecast.json", forecast_json(forecast));
  write_file_atomically(folder / "forecast.csv", forecast_table(forecast).csv());
  std::vector<SvgCanvas> pictures;
  for (const auto& group : kForecastGroups) {
    std::vector<ForecastMark> marks;
    for (const auto& set : forecast.sets) {
      if (!set.measured) continue;
      const auto& told = set.forecast.*group.forecast;
      marks.push_back(
          {set.name, ((*set.measured).*group.measured).p95, told.median, told.low, told.high});
    }
    if (!marks.empty()) pictures.push_back(forecast_picture(marks, group.points));
  }
  if (pictures.empty()) return;
  write_file_atomically(folder / "forecast.svg",
                        SvgCanvas::file(pictures, 3, "Forecast KLoM against what came of it"));
}

}  // namespace expunge
