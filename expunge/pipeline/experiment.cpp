#include "expunge/pipeline/experiment.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/noted_checksum.h"
#include "expunge/core/npy.h"
#include "expunge/data/forget_set.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/datamodels.h"
#include "expunge/pipeline/planned_stores.h"
#include "expunge/pipeline/unlearned_store.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

// Lines that say something.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

// No file of a forget set depends on the others, so that more may follow: what is chosen by the subset models, such as
// principal components, can be drawn once these are trained.
bool only_adds_forget_sets(RunConfig config, const RunConfig& there) {
  const size_t before = there.forget_sets.size();
  if (config.forget_sets.size() <= before) return false;
  config.forget_sets.erase(config.forget_sets.begin() + static_cast<std::ptrdiff_t>(before),
                           config.forget_sets.end());
  return identity_toml(config) == identity_toml(there);
}

// The folder belongs to one configuration: its options decide what every file in it means.
void claim_folder(const fs::path& folder, const RunConfig& config) {
  const auto text = identity_toml(config);
  const auto path = folder / "config.toml";
  fs::create_directories(folder);
  if (!fs::exists(path)) {
    write_file_atomically(path, text);
    return;
  }
  // Read and written again: an option that came into being since has its default, which does what was
  // done without it. What cannot be read is compared as it is.
  std::string there = read_file(path);
  if (there == text) return;
  std::optional<RunConfig> before;
  try {
    before = read_run_config(path);
  } catch (const Error&) {
    // `there` is then what was written by hand, or damaged.
  }
  if (before && only_adds_forget_sets(config, *before)) {
    write_file_atomically(path, text);
    return;
  }
  if (before) there = identity_toml(*before);
  if (there == text) return;
  const auto a = lines_of(there);
  const auto b = lines_of(text);
  const auto [old_line, new_line] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  fail<InputError>(
      "{}: holds an experiment with another configuration ({} there, {} now); choose another --out "
      "or remove this one",
      folder.string(), old_line == a.end() ? "nothing more" : *old_line,
      new_line == b.end() ? "nothing more" : *new_line);
}

// A line for every device that has computed in the folder.
void record_device(const fs::path& folder, const ComputeOptions& compute, torch::Device device) {
  const auto path = folder / "devices.txt";
  const auto line = fmt::format("{}, {}\n", describe_device(device),
                                compute.precision == Precision::half ? "half" : "float32");
  const std::string there = fs::exists(path) ? read_file(path) : "";
  if (there.find(line) == std::string::npos) write_file_atomically(path, there + line);
}

// Fills OUT/<kind>-<set>: student i is full model i brought to its targets.
EnsembleStore match(const Experiment& experiment, const ForgetSet& set, const std::string& kind,
                    UnlearnedSpec spec) {
  [[maybe_unused]] const auto there = experiment.open_store("full", "train");
  spec.name = kind + "-" + set.config.name;
  MatchingOptions matching = experiment.config().matching;
  spec.settings.merge(settings_of(options_of(matching), "matching."));
  return fill_unlearned(experiment, set, experiment.folder() / spec.name, TargetMatching(matching),
                        spec);
}

}  // namespace

Experiment::Experiment(RunConfig config, fs::path folder, int64_t workers, ProgressSink* progress)
    : config_(std::move(config)),
      folder_(std::move(folder)),
      workers_(workers),
      progress_(progress) {
  config_.validate();
  data_ = load_data(config_.data, progress_);
  problem_ = make_problem(data_);
  const auto device = open_device(config_.compute);
  computing_ = problem_.on(device, config_.compute.precision);
  // Before the folder is claimed: a corrected configuration must find it free.
  [[maybe_unused]] const auto fits = state_shapes(config_.recipe.network, problem_.shape);
  for (const auto& set : config_.forget_sets) {
    const auto file = config_.path.parent_path() / set.file;
    forget_sets_.push_back({set, read_forget_set(file, problem_.n())});
  }
  claim_folder(folder_, config_);
  if (!device.is_cpu()) record_device(folder_, config_.compute, device);
}

EnsembleSpec Experiment::subset_spec() const {
  const auto& e = config_.ensembles;
  return {.name = "subset",
          .models = e.subset_models,
          .seed = static_cast<uint64_t>(e.seed),
          .masks = e.masks,
          .excluded = {},
          .logits_dtype = e.logits_dtype == "float16" ? torch::kFloat16 : torch::kFloat32};
}

EnsembleSpec Experiment::full_spec() const {
  auto spec = subset_spec();
  spec.name = "full";
  spec.models = config_.ensembles.full_models;
  spec.masks.reset();
  spec.weights = true;
  return spec;
}

EnsembleSpec Experiment::oracle_spec(const ForgetSet& set) const {
  auto spec = full_spec();
  spec.name = "oracle-" + set.config.name;
  spec.models = config_.ensembles.oracle_models;
  spec.weights = false;
  spec.excluded = set.indices;
  return spec;
}

double Experiment::training_cost() const {
  return static_cast<double>(problem_.n() * config_.recipe.epochs);
}

EnsembleStore Experiment::train_store(const EnsembleSpec& spec, const RowShare& share) const {
  return train_ensemble(folder_ / spec.name, spec, config_.recipe, computing_, workers_, progress_,
                        share);
}

void Experiment::train() const {
  train_share({});
  // For whoever reads the stores' logits with other tools.
  write_noted_npy(folder_ / "labels.npy", problem_.labels);
}

void Experiment::train_share(RowShare share) const {
  std::vector<EnsembleSpec> specs = {subset_spec(), full_spec()};
  for (const auto& set : forget_sets_) specs.push_back(oracle_spec(set));
  for (const auto& spec : specs) {
    train_store(spec, share);
    share = share.after(spec.models);
  }
}

EnsembleStore Experiment::open_store(const std::string& name, const char* made_by) const {
  const auto path = folder_ / name;
  if (!fs::exists(path / "ensemble.json")) {
    fail<InputError>("{}: a finished ensemble required, none there; make it with: expunge {}",
                     path.string(), made_by);
  }
  auto store = EnsembleStore::open(path);
  if (!store.is_complete()) {
    fail<InputError>("{}: a finished ensemble required, this one is not; go on with: expunge {}",
                     path.string(), made_by);
  }
  check_belongs(store);
  return store;
}

// The configuration names the files of data and forget sets; this is about what is in them.
void Experiment::check_belongs(const EnsembleStore& store) const {
  const auto& there = store.description();
  const auto require = [&](const std::string& setting, const std::string& wanted) {
    const auto found = there.settings.find(setting);
    if (found != there.settings.end() && found->second == wanted) return;
    fail<InputError>(
        "{}: made for {} that have changed since; put the files back as they were or choose "
        "another "
        "--out",
        store.folder().string(), setting == "data" ? "data" : "examples to forget");
  };
  require("data", problem_.fingerprint);
  for (const auto& set : forget_sets_) {
    auto excluded = set.indices;
    if (there.name == "dmm-" + set.config.name || there.name == "matched-" + set.config.name)
      require("excluded", to_toml(excluded));
    std::sort(excluded.begin(), excluded.end());
    if (there.name == "oracle-" + set.config.name) require("excluded", to_toml(excluded));
  }
}

torch::Tensor Experiment::judging_margins(const ForgetSet& set) const {
  const auto logits = open_store("oracle-" + set.config.name, "train").logits();
  return margins(logits.narrow(0, 0, judging_oracles()), problem_.labels, workers_);
}

bool Experiment::needs_attribution() const {
  return !is_predicted(*this, config_.attribution, "");
}

void Experiment::attribute() const {
  predict_shifts(*this, open_store("subset", "train"), config_.attribution, "");
}

torch::Tensor Experiment::shift(const ForgetSet& set) const {
  return read_shift(*this, set, "");
}

void Experiment::unlearn() const {
  unlearn_share({});
}

void Experiment::unlearn_share(RowShare share) const {
  for (const auto& set : forget_sets_) {
    // Refuse what is missing in the order in which it is made, and other data and other oracles than
    // this set's whether or not their logits are needed.
    [[maybe_unused]] const auto predicted = shift(set);
    for (const auto& store : {std::string("full"), "oracle-" + set.config.name})
      [[maybe_unused]] const auto there = open_store(store, "train");
    share = share.after(match_prediction(set, share).description().models);
    UnlearnedSpec spec;
    spec.models = matched_models(config_.ensembles);
    spec.targets = oracle_targets_of(set);
    spec.share = share;
    share = share.after(match(*this, set, "matched", std::move(spec)).description().models);
  }
}

EnsembleStore Experiment::match_prediction(const ForgetSet& set, const RowShare& share) const {
  UnlearnedSpec spec;
  spec.models = config_.ensembles.full_models;
  spec.settings["multiplier"] = to_toml(config_.evaluation.multiplier);
  spec.targets = predicted_targets(shift(set) * config_.evaluation.multiplier);
  spec.share = share;
  return match(*this, set, "dmm", std::move(spec));
}

std::function<torch::Tensor(int64_t)> Experiment::predicted_targets(
    const torch::Tensor& shift) const {
  const auto logits = open_store("full", "train").logits();
  return [logits, shift](int64_t row) { return logits[row].to(torch::kFloat32) + shift; };
}

std::function<torch::Tensor(int64_t)> Experiment::oracle_targets_of(const ForgetSet& set) const {
  const auto logits = open_store("oracle-" + set.config.name, "train").logits();
  return [logits, first = judging_oracles()](int64_t row) {
    return logits[first + row].to(torch::kFloat32);
  };
}

}  // namespace expunge
