#include "expunge/pipeline/forecast.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/json_number.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/held_out_margins.h"
#include "expunge/pipeline/interval_json.h"
#include "expunge/pipeline/mutual_effects.h"
#include "expunge/pipeline/network_kernel.h"
#include "expunge/report/forecast_section.h"

namespace expunge {
namespace {

using Json = nlohmann::ordered_json;

// The margins (oracles, m) that judge a set, and those of as many others.
struct OracleMargins {
  torch::Tensor judges;
  torch::Tensor others;  // undefined where there are fewer than twice as many
};

// None where this set's oracles are not there.
std::optional<OracleMargins> oracle_margins(const Experiment& experiment, const ForgetSet& set,
                                            int64_t oracles) {
  const auto name = "oracle-" + set.config.name;
  const auto folder = experiment.folder() / name;
  if (!std::filesystem::exists(folder / "ensemble.json") ||
      !EnsembleStore::open(folder).is_complete())
    return std::nullopt;
  const auto logits = experiment.open_store(name, "train").logits();
  if (logits.size(0) < oracles) return std::nullopt;
  const auto& labels = experiment.problem().labels;
  OracleMargins made{margins(logits.narrow(0, 0, oracles), labels, experiment.workers()), {}};
  if (logits.size(0) >= 2 * oracles)
    made.others = margins(logits.narrow(0, oracles, oracles), labels, experiment.workers());
  return made;
}

// Measures what came of it. judged: (Nf, m) margins, one a method.
void measure(const Experiment& experiment, const ForgetSet& set, int64_t oracles,
             std::span<const torch::Tensor> judged, std::span<SetForecast> results) {
  const auto oracle = oracle_margins(experiment, set, oracles);
  if (!oracle) return;
  const auto& config = experiment.config().evaluation;
  const int64_t n = experiment.problem().n();
  KlomOptions klom_options = config.klom;
  klom_options.workers = experiment.workers();
  ResamplingOptions resampling = config.resampling;
  resampling.workers = experiment.workers();
  std::optional<double> floor;
  if (oracle->others.defined()) {
    floor =
        summarise_klom(klom(oracle->others, oracle->judges, klom_options), n, set.indices).all.p95;
  }
  for (size_t k = 0; k < judged.size(); ++k) {
    results[k].measured =
        summarise_klom(judged[k], oracle->judges, n, set.indices, klom_options, resampling);
    results[k].floor_p95 = floor;
  }
}

struct ForecastGroup {
  const char* name;
  ForecastInterval KlomForecast::*forecast;
  GroupStatistic KlomSummary::*measured;
};
constexpr std::array<ForecastGroup, 3> kForecastGroups = {
    {{"forget", &KlomForecast::forget, &KlomSummary::forget},
     {"retain", &KlomForecast::retain, &KlomSummary::retain},
     {"validation", &KlomForecast::validation, &KlomSummary::validation}}};

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
  const auto carried = carried_effects_for(experiment, attribution.estimator);
  models.held_out =
      held_out_margins(models.masks, subset.logits(), full.logits(), labels, attribution,
                       carried ? &*carried : nullptr, models.folds, experiment.workers());
  check_forecast_models(models);  // before the kernel, which takes long
  const auto& sets = experiment.forget_sets();
  std::vector<torch::Tensor> shifts;
  for (const auto& set : sets)
    shifts.push_back(experiment.shift(set) * experiment.config().evaluation.multiplier);
  const auto mutual = mutual_effects(experiment, shifts, carried ? &*carried : nullptr);
  std::vector<ForecastCase> cases;
  ExperimentForecast result{
      models.masks.size(0), models.full_margins.size(0), options.oracles, mutual.missing, {}};
  for (size_t k = 0; k < sets.size(); ++k) {
    ForecastCase direct{sets[k].indices,
                        shifted_margins(full.logits(), shifts[k], labels, experiment.workers())};
    if (mutual.missing.empty()) direct.mutual = mutual.of_set[k];
    direct.mutual_predicted = carried.has_value();
    cases.push_back(direct);
    if (!matching) continue;
    direct.unlearned =
        margins(experiment.match_prediction(sets[k]).logits(), labels, experiment.workers());
    cases.push_back(std::move(direct));
  }
  auto forecasts = forecast_klom(models, cases, options, experiment.config().evaluation.klom);
  const size_t methods = matching ? 2 : 1;
  for (size_t k = 0; k < sets.size(); ++k) {
    std::vector<torch::Tensor> judged;
    for (size_t i = k * methods; i < (k + 1) * methods; ++i) {
      const bool is_matched = cases[i].unlearned.defined();
      judged.push_back(is_matched ? cases[i].unlearned : cases[i].predicted);
      result.sets.push_back({sets[k].config.name,
                             is_matched ? "DMM" : "dm-direct",
                             std::ssize(sets[k].indices),
                             std::move(forecasts[i]),
                             {},
                             {}});
    }
    measure(experiment, sets[k], options.oracles, judged, std::span(result.sets).last(methods));
  }
  return result;
}

ForecastSection section_of(const ExperimentForecast& forecast) {
  ForecastSection section{forecast.subset_models, forecast.full_models, forecast.oracles, {}};
  for (const auto& set : forecast.sets) {
    ForecastRow row{set.name, set.method,           set.size, set.forecast.multiplier, {},
                    {},       set.forecast.warnings};
    for (size_t group = 0; group < kForecastGroups.size(); ++group) {
      row.forecast[group] = set.forecast.*kForecastGroups[group].forecast;
      if (set.measured)
        row.measured[group] = ((*set.measured).*kForecastGroups[group].measured).p95;
    }
    section.rows.push_back(std::move(row));
  }
  return section;
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
    entry["bias"] = json_number(p.bias);
    entry["coupling"] = json_number(p.coupling);
    entry["own_error"] = json_number(p.own_error);
    entry["spread"] = json_number(p.spread);
    if (forecast.no_mutual_effects.empty())
      entry["mutual_effects"] = json_number(set.forecast.mutual);
    if (set.measured) {
      for (const auto& group : kForecastGroups) {
        const auto& statistic = (*set.measured).*group.measured;
        entry["measured_p95"][group.name] = {{"value", json_number(statistic.p95)},
                                             {"low", json_number(statistic.p95_low)},
                                             {"high", json_number(statistic.p95_high)}};
      }
    }
    if (set.floor_p95) entry["floor_p95"] = json_number(*set.floor_p95);
    entry["warnings"] = set.forecast.warnings;
    json["forget_sets"].push_back(std::move(entry));
  }
  return json.dump(2) + "\n";
}

std::optional<ForecastSection> read_forecast(const Experiment& experiment) {
  const auto path = experiment.folder() / "forecast.json";
  if (!std::filesystem::exists(path)) return std::nullopt;
  const auto text = read_file(path);
  const auto number = [](const Json& value) {
    return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  };
  const auto interval = [&](const Json& value) {
    return ForecastInterval{number(value.at("value")), number(value.at("low")),
                            number(value.at("high"))};
  };
  ForecastSection section;
  try {
    const auto json = Json::parse(text);
    section = {whole_number(json.at("subset_models")),
               whole_number(json.at("full_models")),
               whole_number(json.at("oracles")),
               {}};
    for (const auto& entry : json.at("forget_sets")) {
      ForecastRow row;
      row.forget_set = entry.at("name").get<std::string>();
      row.method = entry.at("method").get<std::string>();
      row.size = whole_number(entry.at("size"));
      row.multiplier = interval(entry.at("multiplier"));
      for (size_t group = 0; group < kForecastGroups.size(); ++group) {
        const char* name = kForecastGroups[group].name;
        row.forecast[group] = interval(entry.at("forecast_p95").at(name));
        if (entry.contains("measured_p95"))
          row.measured[group] = number(entry.at("measured_p95").at(name).at("value"));
      }
      row.warnings = entry.at("warnings").get<std::vector<std::string>>();
      section.rows.push_back(std::move(row));
    }
  } catch (const Json::exception&) {
    fail<InputError>("{}: what expunge forecast wrote required, this is none; remove it",
                     path.string());
  }
  return section;
}

void write_forecast(const Experiment& experiment, const ExperimentForecast& forecast) {
  const auto& folder = experiment.folder();
  const auto section = section_of(forecast);
  write_file_atomically(folder / "forecast.json", forecast_json(forecast));
  write_file_atomically(folder / "forecast.csv", forecast_table(section).csv());
  const auto pictures = forecast_pictures(section);
  if (pictures.empty()) return;
  write_file_atomically(folder / "forecast.svg",
                        SvgCanvas::file(pictures, 3, "Forecast KLoM against what came of it"));
}

}  // namespace expunge
