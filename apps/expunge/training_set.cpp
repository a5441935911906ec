#include "training_set.h"

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/train/ensemble_store.h"
#include "usage.h"

namespace expunge::app {
namespace {

namespace fs = std::filesystem;

// The first n labels; n = 0 for all.
TrainingSet labelled(const torch::Tensor& labels, int64_t n, const std::string& where) {
  if (labels.size(0) < n) {
    fail<InputError>("{}: labels of at least {} training examples required, got {}", where, n,
                     labels.size(0));
  }
  const auto part = n > 0 ? labels.narrow(0, 0, n) : labels;
  if (part.numel() > 0 && part.min().item<int64_t>() < 0)
    fail<InputError>("{}: labels from 0 required, got {}", where, part.min().item<int64_t>());
  return {.n = part.size(0), .labels = part.contiguous(), .class_names = {}};
}

TrainingSet of_config(const std::string& path, int64_t n) {
  const auto config = read_run_config(path);
  auto train = load_data(config.data).train;
  train.validate(train.name);
  if (n > 0 && train.size() != n) {
    fail<InputError>("{}: {} training examples as elsewhere required, got {}", path, n,
                     train.size());
  }
  return {.n = train.size(),
          .labels = train.labels,
          .class_names = train.class_names,
          .groups = train.groups,
          .group_names = train.group_names};
}

TrainingSet of_experiment(const std::string& folder, int64_t n) {
  const auto store = EnsembleStore::open(fs::path(folder) / "subset");
  const int64_t there = store.description().layout.n;
  if (n > 0 && there != n) {
    fail<InputError>("{}: {} training examples as elsewhere required, got {}", folder, n, there);
  }
  const auto labels = (fs::path(folder) / "labels.npy").string();
  return labelled(labels_in(labels), there, labels);
}

struct Count {
  int64_t forgotten = 0;
  int64_t all = 0;
};

// By label, of classes that have an example in F.
std::map<int64_t, Count> count_classes(const TrainingSet& training,
                                       std::span<const int64_t> forget) {
  std::map<int64_t, Count> counts;
  if (!training.labels.defined()) return counts;
  const auto* labels = training.labels.data_ptr<int64_t>();
  for (const int64_t i : forget) ++counts[labels[i]].forgotten;
  for (int64_t i = 0; i < training.n; ++i) {
    const auto found = counts.find(labels[i]);
    if (found != counts.end()) ++found->second.all;
  }
  return counts;
}

std::string name_of(const TrainingSet& training, int64_t label) {
  const auto at = static_cast<size_t>(label);
  return at < training.class_names.size() ? training.class_names[at] : fmt::format("{}", label);
}

}  // namespace

void add_training_set_flags(CLI::App& command, TrainingSetFlags& flags) {
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->group("The training set");
  };
  add("--config", flags.config, "Configuration file: its data, with labels and names of classes");
  add("--experiment", flags.experiment, "Folder of an experiment: its size and labels");
  add("--labels", flags.labels, "Labels .npy, whole numbers from 0; with --n the first n of them");
  add("--n", flags.n, "Number of training examples, where nothing else says it")
      ->check(check_count);
}

std::vector<std::pair<std::string, std::string>> given_flags(const TrainingSetFlags& flags) {
  std::vector<std::pair<std::string, std::string>> given;
  if (!flags.config.empty()) given.emplace_back("--config", flags.config);
  if (!flags.experiment.empty()) given.emplace_back("--experiment", flags.experiment);
  if (!flags.labels.empty()) given.emplace_back("--labels", flags.labels);
  if (flags.n > 0) given.emplace_back("--n", fmt::format("{}", flags.n));
  return given;
}

int64_t TrainingSet::classes() const {
  if (!class_names.empty()) return static_cast<int64_t>(class_names.size());
  return labels.defined() && labels.size(0) > 0 ? labels.max().item<int64_t>() + 1 : 0;
}

TrainingSet read_training_set(const TrainingSetFlags& flags, int64_t n) {
  const int sources = static_cast<int>(!flags.config.empty()) +
                      static_cast<int>(!flags.experiment.empty()) +
                      static_cast<int>(!flags.labels.empty());
  if (sources > 1)
    fail<OptionError>("--config, --experiment and --labels: one of them required at most");
  if (flags.n > 0 && n > 0 && flags.n != n)
    fail<OptionError>("option n: {} required as elsewhere, got {}", n, flags.n);
  const int64_t known = std::max(n, flags.n);
  if (!flags.config.empty()) return of_config(flags.config, known);
  if (!flags.experiment.empty()) return of_experiment(flags.experiment, known);
  if (!flags.labels.empty()) return labelled(labels_in(flags.labels), known, flags.labels);
  if (known == 0) {
    fail<OptionError>(
        "the number of training examples: one of --config, --experiment, --labels and --n "
        "required");
  }
  return {.n = known, .labels = {}, .class_names = {}};
}

torch::Tensor masks_in(const std::string& path) {
  auto masks = map_npy(path);
  if (masks.dim() != 2 || masks.size(1) == 0) {
    fail<InputError>("{}: masks (models, examples) of bool required, got ({}) of {}", path,
                     fmt::join(masks.sizes(), ", "), toString(masks.scalar_type()));
  }
  if (masks.scalar_type() == torch::kUInt8) {
    const auto largest = masks.numel() == 0 ? 0 : masks.max().item<int64_t>();
    if (largest > 1) fail<InputError>("{}: masks of 0 and 1 required, got {}", path, largest);
    masks = masks.to(torch::kBool);
  }
  return masks;
}

torch::Tensor labels_in(const std::string& path) {
  const auto labels = read_npy(path);
  if (labels.dim() != 1 || !c10::isIntegralType(labels.scalar_type(), false)) {
    fail<InputError>("{}: labels (m) of whole numbers required, got ({}) of {}", path,
                     fmt::join(labels.sizes(), ", "), toString(labels.scalar_type()));
  }
  return labels.to(torch::kInt64);
}

std::string class_counts(const TrainingSet& training, std::span<const int64_t> forget) {
  std::vector<std::string> parts;
  for (const auto& [label, count] : count_classes(training, forget))
    parts.push_back(
        fmt::format("{} of {} {}", count.forgotten, count.all, name_of(training, label)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

nlohmann::ordered_json class_counts_json(const TrainingSet& training,
                                         std::span<const int64_t> forget) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& [label, count] : count_classes(training, forget)) {
    json.push_back({{"label", label},
                    {"name", name_of(training, label)},
                    {"forgotten", count.forgotten},
                    {"of", count.all}});
  }
  return json;
}

}  // namespace expunge::app
