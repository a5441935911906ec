#include "subset_source.h"

#include <ATen/ops/cat.h>

#include <filesystem>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/shell_quoted.h"
#include "expunge/train/ensemble_store.h"
#include "expunge/train/problem.h"
#include "training_set.h"

namespace expunge::app {
namespace {

namespace fs = std::filesystem;

torch::Tensor labels_of(const DataSplit& data) {
  return torch::cat({data.train.labels, data.validation.labels});
}

SubsetModels of_experiment_folder(const fs::path& folder) {
  const auto store = finished_store(folder / "subset");
  SubsetModels models;
  models.masks = store.masks();
  models.logits = store.logits();
  models.data = load_data(read_run_config(folder / "config.toml").data);
  const auto problem = make_problem(*models.data);
  const auto trained_on = store.description().settings.find("data");
  if (trained_on == store.description().settings.end() ||
      trained_on->second != problem.fingerprint) {
    fail<InputError>("{}: made for data that have changed since; put the files back as they were",
                     store.folder().string());
  }
  models.labels = problem.labels;
  if (fs::exists(folder / "full")) models.full_logits = finished_store(folder / "full").logits();
  return models;
}

SubsetModels of_arrays(const SubsetFlags& flags) {
  SubsetModels models;
  models.masks = masks_in(flags.masks);
  models.logits = map_npy(flags.logits);
  if (!flags.config.empty()) models.data = load_data(read_run_config(flags.config).data);
  if (flags.labels.empty() && !models.data)
    fail<OptionError>("--masks: --labels or --config required beside it, got neither");
  models.labels = flags.labels.empty() ? labels_of(*models.data) : labels_in(flags.labels);
  if (!flags.full_logits.empty()) models.full_logits = map_npy(flags.full_logits);
  return models;
}

void require_logits(const torch::Tensor& logits, const std::string& where) {
  const auto dtype = logits.scalar_type();
  if (logits.dim() != 3 || logits.size(2) < 2 ||
      (dtype != torch::kFloat16 && dtype != torch::kFloat32)) {
    fail<InputError>(
        "{}: logits (models, points, classes) of float16 or float32 required, got ({}) of {}",
        where, fmt::join(logits.sizes(), ", "), toString(dtype));
  }
}

void check_arrays(const SubsetModels& models, const SubsetFlags& flags) {
  require_logits(models.logits, flags.logits);
  const int64_t n = models.masks.size(1);
  const int64_t m = models.logits.size(1);
  const int64_t classes = models.logits.size(2);
  if (models.logits.size(0) != models.masks.size(0) || m < n) {
    fail<InputError>("{}: logits of {} models and at least {} points required, got ({})",
                     flags.logits, models.masks.size(0), n, fmt::join(models.logits.sizes(), ", "));
  }
  const auto where = flags.labels.empty() ? flags.config : flags.labels;
  if (models.labels.size(0) != m)
    fail<InputError>("{}: labels of the {} points of {} required, got {}", where, m, flags.logits,
                     models.labels.size(0));
  const auto low = models.labels.min().item<int64_t>();
  const auto high = models.labels.max().item<int64_t>();
  if (low < 0 || high >= classes)
    fail<InputError>("{}: labels from 0 to {} required, got {}", where, classes - 1,
                     low < 0 ? low : high);
  if (models.data && (models.data->train.size() != n || models.data->validation.size() != m - n)) {
    fail<InputError>("{}: {} training and {} validation examples as in {} required, got {} and {}",
                     flags.config, n, m - n, flags.logits, models.data->train.size(),
                     models.data->validation.size());
  }
  if (models.data && models.data->train.classes() != classes)
    fail<InputError>("{}: {} classes as in {} required, got {}", flags.config, classes,
                     flags.logits, models.data->train.classes());
  if (!models.full_logits.defined()) return;
  require_logits(models.full_logits, flags.full_logits);
  if (models.full_logits.sizes().slice(1) != models.logits.sizes().slice(1) ||
      models.full_logits.size(0) < 1) {
    fail<InputError>("{}: logits (models, {}, {}) required, got ({})", flags.full_logits, m,
                     classes, fmt::join(models.full_logits.sizes(), ", "));
  }
}

}  // namespace

EnsembleStore finished_store(const fs::path& folder) {
  auto store = EnsembleStore::open(folder);
  if (!store.is_complete()) {
    fail<InputError>("{}: a finished ensemble required, this one is not; go on with: expunge train",
                     folder.string());
  }
  return store;
}

void add_subset_flags(CLI::App& command, SubsetFlags& flags) {
  const auto add = [&](const char* name, auto& value, const char* help) {
    command.add_option(name, value, help)->group("The subset models");
  };
  add("--experiment", flags.experiment,
      "Folder of an experiment: its subset models, full models and data");
  add("--masks", flags.masks,
      "Without --experiment: which examples each subset model saw, (N, n) bool .npy");
  add("--logits", flags.logits,
      "With --masks: their logits, (N, m, C) float16 or float32 .npy; the first n of the m points "
      "are the training set");
  add("--labels", flags.labels, "With --masks: labels of the m points, whole numbers from 0, .npy");
  add("--full-logits", flags.full_logits,
      "With --masks: logits of models trained on everything, (models, m, C) .npy");
  add("--config", flags.config,
      "With --masks: configuration file whose data have the pictures, names of classes and, "
      "without "
      "--labels, the labels");
}

std::string given_subset_flags(const SubsetFlags& flags) {
  std::string text;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format(" {} {}", name, shell_quoted(value));
  };
  add("--experiment", flags.experiment);
  add("--masks", flags.masks);
  add("--logits", flags.logits);
  add("--labels", flags.labels);
  add("--full-logits", flags.full_logits);
  add("--config", flags.config);
  return text;
}

SubsetModels read_subset_models(const SubsetFlags& flags) {
  const bool arrays = !flags.masks.empty() || !flags.logits.empty() || !flags.labels.empty() ||
                      !flags.full_logits.empty() || !flags.config.empty();
  if (!flags.experiment.empty() && arrays)
    fail<OptionError>(
        "--experiment: --masks, --logits, --labels, --full-logits and --config exclude "
        "it, got both");
  if (!flags.experiment.empty()) return of_experiment_folder(flags.experiment);
  if (flags.masks.empty() || flags.logits.empty())
    fail<OptionError>("--experiment, or --masks with --logits, required");
  auto models = of_arrays(flags);
  check_arrays(models, flags);
  return models;
}

std::string SubsetModels::class_name(int64_t label) const {
  return data ? data->train.class_names[static_cast<size_t>(label)] : fmt::format("{}", label);
}

std::string SubsetModels::place(int64_t point) const {
  return point < n() ? fmt::format("training example {}", point)
                     : fmt::format("validation example {}", point - n());
}

ShownExample SubsetModels::shown(int64_t point) const {
  ShownExample example;
  example.index = point;
  example.label = class_name(labels[point].item<int64_t>());
  if (data) {
    example.image = point < n() ? data->train.images[point] : data->validation.images[point - n()];
  }
  return example;
}

}  // namespace expunge::app
