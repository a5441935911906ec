#include "expunge/pipeline/model_counts.h"

#include <nlohmann/json.hpp>

#include "expunge/attribution/make_attributor.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/datamodels.h"
#include "expunge/pipeline/network_kernel.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The ensemble that an estimator is fitted on; the experiment's own has no name.
SubsetEnsembleConfig ensemble_of(const Experiment& experiment, const ModelCountConfig& config,
                                 const CountedEstimator& estimator) {
  for (const auto& ensemble : config.ensembles) {
    if (ensemble.name == estimator.ensemble) return ensemble;
  }
  const auto& own = experiment.config().ensembles;
  return {.name = "", .subset_models = own.subset_models, .masks = own.masks};
}

// N models beginning at row k N, one estimator: what is fitted at a time.
struct FittedPart {
  const CountedEstimator* estimator;
  SubsetEnsembleConfig ensemble;
  int64_t models;
  int64_t part;
};

std::vector<FittedPart> fitted_parts(const Experiment& experiment, const ModelCountConfig& config) {
  std::vector<FittedPart> all;
  for (const auto& estimator : config.estimators) {
    const auto ensemble = ensemble_of(experiment, config, estimator);
    for (const int64_t models : estimator.models) {
      if (models > ensemble.subset_models) {
        fail<OptionError>(
            "{}: estimator {}: at least {} models of ensemble \"{}\" required, got {}",
            config.path.string(), estimator.name, models, ensemble.name, ensemble.subset_models);
      }
      for (int64_t k = 0; k < std::min(estimator.parts, ensemble.subset_models / models); ++k)
        all.push_back({&estimator, ensemble, models, k});
    }
  }
  return all;
}

fs::path file_of(const Experiment& experiment, const FittedPart& part) {
  auto attribution = part.estimator->attribution;
  auto settings = settings_of(options_of(attribution));
  settings["ensemble"] = part.ensemble.name;
  auto masks = part.ensemble.masks;
  settings.merge(settings_of(options_of(masks), "masks."));
  settings["multiplier"] = to_toml(experiment.config().evaluation.multiplier);
  std::string text;
  for (const auto& [name, value] : settings) text += fmt::format("{} = {}\n", name, value);
  return experiment.folder() / "model-count" /
         fmt::format("{}-{}-{:016x}.json", part.models, part.part, derive_seed(0, text, 0));
}

// What all parts are measured against.
struct JudgedSet {
  const ForgetSet* set;
  torch::Tensor oracles;  // (No, m) margins of those that judge
};

class PartMeter {
 public:
  PartMeter(const Experiment& experiment, const std::vector<Estimator>& estimators)
      : experiment_(experiment), full_(experiment.open_store("full", "train").logits()) {
    for (const auto estimator : estimators) {
      if (!carried_) carried_ = carried_effects_for(experiment, estimator);
    }
    for (const auto& set : experiment.forget_sets()) {
      judged_.push_back({&set, experiment.judging_margins(set)});
      removals_.push_back(set.indices);
    }
  }

  // One record a forget set.
  [[nodiscard]] Json measure(const FittedPart& part, const EnsembleStore& store) const {
    const int64_t begin = part.models * part.part;
    const auto attributor =
        make_attributor(part.estimator->attribution, store.masks().narrow(0, begin, part.models),
                        store.logits().narrow(0, begin, part.models),
                        carried_ ? &*carried_ : nullptr, experiment_.workers());
    const auto shifts = attributor->removal_shifts(removals_);
    auto options = experiment_.config().evaluation.klom;
    options.workers = experiment_.workers();
    Json records = Json::array();
    for (size_t i = 0; i < judged_.size(); ++i) {
      const auto shift =
          shifts[static_cast<int64_t>(i)] * experiment_.config().evaluation.multiplier;
      const auto predicted =
          shifted_margins(full_, shift, experiment_.problem().labels, experiment_.workers());
      const auto klom = summarise_klom(predicted, judged_[i].oracles, experiment_.problem().n(),
                                       judged_[i].set->indices, options, {.resamples = 0});
      records.push_back({{"forget_set", judged_[i].set->config.name},
                         {"forget", klom.forget.p95},
                         {"retain", klom.retain.p95},
                         {"validation", klom.validation.p95}});
    }
    return records;
  }

 private:
  const Experiment& experiment_;
  torch::Tensor full_;  // (N, m, C) logits
  std::vector<JudgedSet> judged_;
  std::vector<std::vector<int64_t>> removals_;
  std::optional<CarriedEffects> carried_;
};

CountResult read_result(const fs::path& path, const FittedPart& part, const std::string& set) {
  if (!fs::exists(path)) {
    fail<InputError>("{}: a measured part required, none there; make it with: expunge reproduce",
                     path.string());
  }
  CountResult result{.forget_set = set,
                     .estimator = part.estimator->name,
                     .models = part.models,
                     .part = part.part};
  try {
    for (const auto& record : Json::parse(read_file(path))) {
      if (record.at("forget_set").get<std::string>() != set) continue;
      result.forget = record.at("forget").get<double>();
      result.retain = record.at("retain").get<double>();
      result.validation = record.at("validation").is_null()
                              ? std::numeric_limits<double>::quiet_NaN()
                              : record.at("validation").get<double>();
      return result;
    }
  } catch (const Json::exception&) {
    // As where the set is not in it.
  }
  fail<InputError>("{}: KLoM on {} required, got a damaged file; remove it", path.string(), set);
}

}  // namespace

void run_model_counts(const Experiment& experiment, const ModelCountConfig& config) {
  const auto parts = fitted_parts(experiment, config);
  std::map<std::string, EnsembleStore> stores;
  stores.emplace("", experiment.open_store("subset", "train"));
  for (const auto& ensemble : config.ensembles) {
    stores.emplace(ensemble.name, train_subset_models(experiment, ensemble.name,
                                                      ensemble.subset_models, ensemble.masks));
  }
  const auto total = static_cast<int64_t>(parts.size());
  const auto is_there = [&](const FittedPart& part) {
    return fs::exists(file_of(experiment, part));
  };
  const int64_t resumed = std::count_if(parts.begin(), parts.end(), is_there);
  int64_t done = resumed;
  const auto tell = [&] {
    if (auto* progress = experiment.progress()) progress->update("fitting", done, total, resumed);
  };
  tell();
  if (done == total) return;
  std::vector<Estimator> estimators;
  for (const auto& part : parts) {
    if (!is_there(part)) estimators.push_back(part.estimator->attribution.estimator);
  }
  const PartMeter meter(experiment, estimators);
  fs::create_directories(experiment.folder() / "model-count");
  for (const auto& part : parts) {
    const auto path = file_of(experiment, part);
    if (fs::exists(path)) continue;
    const auto records = meter.measure(part, stores.at(part.ensemble.name));
    write_file_atomically(path, records.dump(2) + "\n");
    ++done;
    tell();
  }
}

std::vector<CountResult> model_count_results(const Experiment& experiment,
                                             const ModelCountConfig& config) {
  std::vector<CountResult> results;
  const auto parts = fitted_parts(experiment, config);
  for (const auto& set : experiment.forget_sets()) {
    for (const auto& part : parts)
      results.push_back(read_result(file_of(experiment, part), part, set.config.name));
  }
  return results;
}

}  // namespace expunge
