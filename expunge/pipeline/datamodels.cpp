#include "expunge/pipeline/datamodels.h"

#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/noted_checksum.h"
#include "expunge/core/npy.h"
#include "expunge/pipeline/attributors.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string suffix(const std::string& name) {
  return name.empty() ? "" : "@" + name;
}

fs::path shift_path(const Experiment& experiment, const ForgetSet& set, const std::string& name) {
  return experiment.folder() / fmt::format("shift-{}{}.npy", set.config.name, suffix(name));
}

fs::path record_path(const Experiment& experiment, const std::string& name) {
  return experiment.folder() / fmt::format("attribution{}.json", suffix(name));
}

Json recorded_options(AttributionOptions attribution) {
  return settings_of(options_of(attribution));
}

}  // namespace

void DatamodelsConfig::validate() const {
  if (!is_plain_name(name)) {
    fail<OptionError>("option name of [[datamodels]]: letters, digits, - _ . required, got \"{}\"",
                      name);
  }
  require_option(subset_models == 0 || subset_models >= 2, "subset_models", "0 or at least 2",
                 static_cast<double>(subset_models));
  masks.validate();
  attribution.validate();
}

OptionGroup options_of(DatamodelsConfig& o) {
  OptionGroup group("datamodels", "Datamodels beside the experiment's own");
  group.add("name", o.name, "name: letters, digits, - _ .")
      .add("subset_models", o.subset_models,
           "models trained on random subsets; 0: the experiment's own, alpha and masks too",
           "models")
      .add("alpha", o.masks.alpha, "share of the examples that a subset model sees")
      .add("masks", o.masks.scheme, {"balanced", "independent"}, "how subsets are drawn")
      .include(options_of(o.attribution));
  return group;
}

bool is_predicted(const Experiment& experiment, const AttributionOptions& attribution,
                  const std::string& name) {
  for (const auto& set : experiment.forget_sets()) {
    if (!fs::exists(shift_path(experiment, set, name))) return false;
  }
  const auto path = record_path(experiment, name);
  if (!fs::exists(path)) return false;
  const auto record = Json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  return record.is_object() && record.contains("options") &&
         record["options"] == recorded_options(attribution);
}

void predict_shifts(const Experiment& experiment, const EnsembleStore& subset,
                    const AttributionOptions& attribution, const std::string& name) {
  std::vector<std::vector<int64_t>> removals;
  for (const auto& set : experiment.forget_sets()) removals.push_back(set.indices);
  auto fitted = fit_attributor(experiment, subset, attribution);
  const auto shifts = fitted.attributor->removal_shifts(removals);
  fitted.record["options"] = recorded_options(attribution);
  for (size_t i = 0; i < removals.size(); ++i) {
    write_noted_npy(shift_path(experiment, experiment.forget_sets()[i], name),
                    shifts[static_cast<int64_t>(i)].contiguous());
  }
  const auto record = record_path(experiment, name);
  write_noted(record, [&] { write_file_atomically(record, fitted.record.dump(2) + "\n"); });
}

torch::Tensor read_shift(const Experiment& experiment, const ForgetSet& set,
                         const std::string& name) {
  const auto path = shift_path(experiment, set, name);
  const int64_t m = experiment.problem().m();
  const int64_t classes = experiment.problem().shape.classes;
  if (!fs::exists(path)) {
    fail<InputError>("{}: a predicted shift required, none there; make it with: expunge {}",
                     path.string(), name.empty() ? "attribute" : "sweep");
  }
  const auto shift = read_npy(path);
  if (shift.sizes() != at::IntArrayRef({m, classes}) || shift.scalar_type() != torch::kFloat32) {
    fail<InputError>("{}: an array ({}, {}) of Float required, got ({}) of {}", path.string(), m,
                     classes, fmt::join(shift.sizes(), ", "), toString(shift.scalar_type()));
  }
  if (!torch::isfinite(shift).all().item<bool>())
    fail<NonFiniteError>("{}: a shift is not finite", path.string());
  require_noted(path);
  return shift;
}

EnsembleStore train_subset_models(const Experiment& experiment, const std::string& name,
                                  int64_t models, const MaskOptions& masks, const RowShare& share) {
  auto spec = experiment.subset_spec();
  if (models > 0) {
    spec.name += suffix(name);
    spec.models = models;
    spec.masks = masks;
  }
  return experiment.train_store(spec, share);
}

void make_datamodels(const Experiment& experiment, const DatamodelsConfig& config) {
  config.validate();
  const auto store =
      train_subset_models(experiment, config.name, config.subset_models, config.masks);
  if (!is_predicted(experiment, config.attribution, config.name))
    predict_shifts(experiment, store, config.attribution, config.name);
}

}  // namespace expunge
