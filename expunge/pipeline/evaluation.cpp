#include "expunge/pipeline/evaluation.h"

#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/core/environment.h"
#include "expunge/core/error.h"
#include "expunge/core/json_number.h"
#include "expunge/core/noted_checksum.h"
#include "expunge/core/npy.h"
#include "expunge/core/toml_file.h"
#include "expunge/evaluate/cost.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/forecast.h"
#include "expunge/pipeline/method_comparison.h"
#include "expunge/pipeline/unlearned_store.h"
#include "expunge/report/report.h"
#include "expunge/report/report_tables.h"

namespace expunge {
namespace {

class ForgetSetEvaluation {
 public:
  ForgetSetEvaluation(const Experiment& experiment, const ForgetSet& set)
      : experiment_(experiment), set_(set) {}

  ForgetSetSection run() {
    const auto& labels = experiment_.problem().labels;
    const int64_t workers = experiment_.workers();
    const int64_t judges = experiment_.judging_oracles();
    const auto oracle_logits =
        experiment_.open_store("oracle-" + set_.config.name, "train").logits();
    const auto full_logits = experiment_.open_store("full", "train").logits();
    const auto shift = experiment_.shift(set_) * experiment_.config().evaluation.multiplier;
    const auto dmm = experiment_.open_store("dmm-" + set_.config.name, "unlearn");
    const auto matched = experiment_.open_store("matched-" + set_.config.name, "unlearn");
    const double training = experiment_.training_cost();

    judges_ = margins(oracle_logits.narrow(0, 0, judges), labels, workers);
    add("do-nothing", {"do nothing", "the full models", MethodRole::nothing, {}, 0.0},
        margins(full_logits, labels, workers));
    add("dm-direct", {"dm-direct", "predicted logits, no model", MethodRole::prediction, {}, 0.0},
        shifted_margins(full_logits, shift, labels, workers));
    add("dmm",
        {"DMM",
         "models brought to the predictions",
         MethodRole::unlearner,
         {},
         share_of_training({mean_work(dmm).sample_gradients}, training)},
        margins(dmm.logits(), labels, workers));
    add("oracle-matching",
        {"oracle matching",
         "models brought to oracles",
         MethodRole::reference,
         {},
         share_of_training({mean_work(matched).sample_gradients}, training)},
        margins(matched.logits(), labels, workers));
    add("retraining", {"retraining", "other oracles: the floor", MethodRole::floor, {}, 1.0},
        margins(oracle_logits.narrow(0, judges, oracle_logits.size(0) - judges), labels, workers));

    ForgetSetSection section;
    section.name = set_.config.name;
    section.description = set_.config.description;
    section.indices = set_.indices;
    for (const auto& method : methods_) section.rows.push_back(method.row);
    section.floor_p95 = methods_.back().row.klom.all.p95;
    add_pictures(section);
    return section;
  }

 private:
  void add(const std::string& file, MethodRow row, torch::Tensor margins) {
    const auto& options = experiment_.config().evaluation;
    KlomOptions klom_options = options.klom;
    klom_options.workers = experiment_.workers();
    ResamplingOptions resampling = options.resampling;
    resampling.workers = experiment_.workers();
    methods_.push_back(compare_with_oracles(std::move(row), std::move(margins), judges_,
                                            experiment_.problem().n(), set_.indices, klom_options,
                                            resampling));
    write_noted_npy(experiment_.folder() / fmt::format("klom-{}-{}.npy", set_.config.name, file),
                    methods_.back().klom);
  }

  void add_pictures(ForgetSetSection& section) const {
    constexpr size_t most_images = 100;
    for (size_t i = 0; i < std::min(section.indices.size(), most_images); ++i) {
      const int64_t index = section.indices[i];
      section.forgotten.push_back({index, label_of(index), image_of(index)});
    }
    section.examples = margin_examples(
        methods_, judges_, experiment_.problem().n(), set_.indices,
        [&](int64_t point) { return label_of(point); },
        [&](int64_t point) { return image_of(point); });
  }

  [[nodiscard]] const Dataset& part_of(int64_t& point) const {
    const auto& data = experiment_.data();
    if (point < data.train.size()) return data.train;
    point -= data.train.size();
    return data.validation;
  }
  [[nodiscard]] std::string label_of(int64_t point) const {
    const auto& part = part_of(point);
    return part.class_names[static_cast<size_t>(part.labels[point].item<int64_t>())];
  }
  [[nodiscard]] torch::Tensor image_of(int64_t point) const { return part_of(point).images[point]; }

  const Experiment& experiment_;
  const ForgetSet& set_;
  torch::Tensor judges_;
  std::vector<ComparedMethod> methods_;
};

SettingsGroup settings_group(const OptionGroup& options) {
  SettingsGroup group{options.title(), {}};
  for (const auto& field : options.fields())
    group.values.push_back({field.name, to_toml(field.get())});
  return group;
}

std::vector<SettingsGroup> all_settings(const Experiment& experiment) {
  RunConfig config = experiment.config();
  std::vector<SettingsGroup> settings;
  for (const auto& group : option_groups(config)) settings.push_back(settings_group(group));
  SettingsGroup machine{"Versions and machine", {}};
  for (const auto& [name, value] : describe_environment()) machine.values.push_back({name, value});
  settings.push_back(std::move(machine));
  return settings;
}

std::optional<PenaltyCurve> read_penalty(const Experiment& experiment) {
  const auto path = experiment.folder() / "attribution.json";
  const auto fail_with = [&](const char* why) {
    fail<InputError>("{}: the record of a fit required, {}; make it with: expunge attribute",
                     path.string(), why);
  };
  if (!std::filesystem::exists(path)) fail_with("none there");
  const auto text = read_file(path);
  PenaltyCurve curve;
  try {
    const auto json = nlohmann::json::parse(text);
    // The LASSO's targets have penalties of their own: there is no one curve to draw.
    // TRAK and EK-FAC have a multiplier and no penalty.
    if (json.contains("multiplier") || json.contains("median_lambda") ||
        json.at("held_out_error").empty())
      return std::nullopt;
    const double unit = json.at("lambda").get<double>() / json.at("lambda_ratio").get<double>();
    for (const auto& point : json.at("held_out_error")) {
      curve.lambda.push_back(point.at("ratio").get<double>() * unit);
      curve.error.push_back(point.at("relative_error").get<double>());
    }
    curve.chosen = json.at("lambda").get<double>();
  } catch (const nlohmann::json::exception&) {
    fail_with("this is none");
  }
  return curve;
}

nlohmann::ordered_json statistic_json(const GroupStatistic& s) {
  return {{"p95", json_number(s.p95)},
          {"p95_low", json_number(s.p95_low)},
          {"p95_high", json_number(s.p95_high)},
          {"mean", json_number(s.mean)},
          {"points", s.points}};
}

}  // namespace

std::string data_line(const Experiment& experiment) {
  const auto& problem = experiment.problem();
  return fmt::format("{}: {} training and {} validation examples", experiment.data().train.name,
                     problem.n(), problem.m() - problem.n());
}

std::vector<std::string> stability_warnings(const Experiment& experiment) {
  const int64_t models = experiment.config().ensembles.full_models;
  const int64_t oracles = experiment.judging_oracles();
  if (klom_is_stable(models, oracles)) return {};
  return {
      fmt::format("KLoM is stable from about 80 models a side; here are {} full models and {} "
                  "oracles. Compare with the floor only.",
                  models, oracles)};
}

std::vector<std::string> skipped_images(const Experiment& experiment) {
  std::vector<std::string> warnings;
  for (const auto* part : {&experiment.data().train, &experiment.data().validation}) {
    if (part->skipped.empty()) continue;
    warnings.push_back(
        fmt::format("{} images of {} could not be decoded and were skipped; the first: {}",
                    part->skipped.size(), part->name, part->skipped.front()));
  }
  return warnings;
}

ReportData evaluate(const Experiment& experiment, const std::string& command) {
  const auto& config = experiment.config();
  ReportData data;
  data.title = config.name;
  data.subtitle = data_line(experiment);
  for (const auto& set : experiment.forget_sets()) {
    data.forget_sets.push_back(ForgetSetEvaluation(experiment, set).run());
  }
  data.models_a_side = std::min(config.ensembles.full_models, experiment.judging_oracles());
  data.convention =
      config.evaluation.klom.convention == KlomConvention::corrected ? "corrected" : "easydub";
  data.up_front = UpFrontCost{
      config.ensembles.subset_models,
      static_cast<double>(config.ensembles.subset_models) * config.ensembles.masks.alpha};
  data.penalty = read_penalty(experiment);
  data.forecast = read_forecast(experiment);
  data.settings = all_settings(experiment);
  data.command = command;
  data.warnings = stability_warnings(experiment);
  for (auto& warning : skipped_images(experiment)) data.warnings.push_back(std::move(warning));
  return data;
}

void write_results(const Experiment& experiment, const ReportData& data) {
  const auto write = [&](const char* name, const std::string& text) {
    const auto path = experiment.folder() / name;
    write_noted(path, [&] { write_file_atomically(path, text); });
  };
  write("table.csv", score_records(data).csv());
  write("table.json", results_json(data));
  write("report.html", render_html(data));
}

std::string results_json(const ReportData& data) {
  nlohmann::ordered_json json;
  json["name"] = data.title;
  json["convention"] = data.convention;
  json["models_a_side"] = data.models_a_side;
  json["unit"] = "nats";
  for (const auto& section : data.forget_sets) {
    nlohmann::ordered_json set;
    set["name"] = section.name;
    set["size"] = section.indices.size();
    set["floor_p95"] = json_number(section.floor_p95);
    for (const auto& row : section.rows) {
      set["methods"].push_back(
          {{"method", row.method},
           {"role", role_name(row.role)},
           {"cost_share_of_training", row.cost_share ? json_number(*row.cost_share) : nullptr},
           {"forget", statistic_json(row.klom.forget)},
           {"retain", statistic_json(row.klom.retain)},
           {"validation", statistic_json(row.klom.validation)},
           {"all", statistic_json(row.klom.all)}});
    }
    json["forget_sets"].push_back(std::move(set));
  }
  if (data.up_front) {
    json["up_front"] = {{"models", data.up_front->models}, {"trainings", data.up_front->trainings}};
  }
  json["warnings"] = data.warnings;
  return json.dump(2) + "\n";
}

}  // namespace expunge
