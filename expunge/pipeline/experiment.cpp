#include "expunge/pipeline/experiment.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/random.h"
#include "expunge/data/forget_set.h"

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

// The folder belongs to one configuration: its options decide what every file in it means.
void claim_folder(const fs::path& folder, const RunConfig& config) {
  const auto text = to_toml(config, false);
  const auto path = folder / "config.toml";
  fs::create_directories(folder);
  if (!fs::exists(path)) {
    write_file_atomically(path, text);
    return;
  }
  const auto there = read_file(path);
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

}  // namespace

Experiment::Experiment(RunConfig config, fs::path folder, int64_t workers, ProgressSink* progress)
    : config_(std::move(config)),
      folder_(std::move(folder)),
      workers_(workers),
      progress_(progress) {
  config_.validate();
  data_ = load_data(config_.data);
  problem_ = make_problem(data_);
  // Before the folder is claimed: a corrected configuration must find it free.
  [[maybe_unused]] const auto fits = state_shapes(config_.recipe.network, problem_.shape);
  for (const auto& set : config_.forget_sets) {
    const auto file = config_.path.parent_path() / set.file;
    forget_sets_.push_back({set, read_forget_set(file, problem_.n())});
  }
  claim_folder(folder_, config_);
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

void Experiment::train() const {
  std::vector<EnsembleSpec> specs = {subset_spec(), full_spec()};
  for (const auto& set : forget_sets_) specs.push_back(oracle_spec(set));
  for (const auto& spec : specs) {
    train_ensemble(folder_ / spec.name, spec, config_.recipe, problem_, workers_, progress_);
  }
  // For whoever reads the stores' logits with other tools.
  write_npy(folder_ / "labels.npy", problem_.labels);
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

void Experiment::attribute() const {
  const auto subset = open_store("subset", "train");
  RidgeOptions options = config_.attribution;
  options.workers = workers_;
  const auto datamodels = SubsetDatamodels::fit(subset.masks(), subset.logits(), options);
  std::vector<std::vector<int64_t>> removals;
  for (const auto& set : forget_sets_) removals.push_back(set.indices);
  const auto shifts = datamodels.removal_shifts(removals);
  for (size_t i = 0; i < forget_sets_.size(); ++i) {
    write_npy(folder_ / fmt::format("shift-{}.npy", forget_sets_[i].config.name),
              shifts[static_cast<int64_t>(i)].contiguous());
  }
  nlohmann::ordered_json record;
  record["estimator"] = "subset datamodels, ridge";
  RidgeOptions copy = config_.attribution;
  record["options"] = settings_of(options_of(copy));
  const auto& choice = datamodels.lambda_choice();
  record["lambda"] = choice.lambda;
  record["lambda_ratio"] = choice.ratio;
  record["held_out_error"] = nlohmann::ordered_json::array();
  for (const auto& point : choice.curve) {
    record["held_out_error"].push_back(
        {{"ratio", point.ratio}, {"relative_error", point.relative_error}});
  }
  write_file_atomically(folder_ / "attribution.json", record.dump(2) + "\n");
}

torch::Tensor Experiment::shift(const ForgetSet& set) const {
  const auto path = folder_ / fmt::format("shift-{}.npy", set.config.name);
  if (!fs::exists(path)) {
    fail<InputError>("{}: a predicted shift required, none there; make it with: expunge attribute",
                     path.string());
  }
  const auto shift = read_npy(path);
  if (shift.sizes() != at::IntArrayRef({problem_.m(), problem_.shape.classes}) ||
      shift.scalar_type() != torch::kFloat32) {
    fail<InputError>("{}: an array ({}, {}) of Float required, got ({}) of {}", path.string(),
                     problem_.m(), problem_.shape.classes, fmt::join(shift.sizes(), ", "),
                     toString(shift.scalar_type()));
  }
  if (!torch::isfinite(shift).all().item<bool>())
    fail<NonFiniteError>("{}: a shift is not finite", path.string());
  return shift;
}

void Experiment::unlearn() const {
  for (const auto& set : forget_sets_) {
    match(set, "dmm", shift(set) * config_.evaluation.multiplier);
    match(set, "matched", {});
  }
}

// Fills OUT/<kind>-<set>: student i is full model i brought to its own logits plus `shift`, or,
// with no shift, to oracle i of those that do not judge.
void Experiment::match(const ForgetSet& set, const std::string& kind,
                       const torch::Tensor& shift) const {
  const auto full = open_store("full", "train");
  const auto oracles = open_store("oracle-" + set.config.name, "train");
  const bool to_oracles = !shift.defined();
  const int64_t first_target = judging_oracles();
  const int64_t oracle_targets = config_.ensembles.oracle_models - first_target;

  EnsembleDescription description = full.description();
  description.name = kind + "-" + set.config.name;
  if (to_oracles) description.models = std::min(description.models, oracle_targets);
  description.settings["excluded"] = to_toml(set.indices);
  MatchingOptions matching = config_.matching;
  description.settings.merge(settings_of(options_of(matching), "matching."));
  if (!to_oracles) description.settings["multiplier"] = to_toml(config_.evaluation.multiplier);

  const TargetMatching unlearner(config_.matching);
  const auto full_logits = full.logits();
  const auto oracle_logits = oracles.logits();
  const auto mask = model_mask(oracle_spec(set), problem_.n(), 0);
  fill_store(
      folder_ / description.name, description, config_.recipe, problem_,
      [&](int64_t) { return mask; },
      [&](int64_t row) {
        auto model = full.model(row);
        UnlearnTask task{.problem = problem_, .forget = set.indices, .targets = {}};
        task.targets = to_oracles ? oracle_logits[first_target + row].to(torch::kFloat32)
                                  : full_logits[row].to(torch::kFloat32) + shift;
        task.seed = derive_seed(static_cast<uint64_t>(config_.ensembles.seed), description.name,
                                static_cast<uint64_t>(row));
        const auto summary = [&] {
          try {
            return unlearner.unlearn(*model.network, task);
          } catch (const NonFiniteError& error) {
            fail<NonFiniteError>("ensemble {}, model {}: {}", description.name, row, error.what());
          }
        }();
        return MadeModel{std::move(model.network),
                         {{"expunge.unlearned", to_toml(set.indices)},
                          {"expunge.sample_gradients", to_toml(summary.sample_gradients)},
                          {"expunge.forget_error_before", to_toml(summary.forget_error_before)},
                          {"expunge.forget_error_after", to_toml(summary.forget_error_after)}}};
      },
      workers_, progress_);
}

}  // namespace expunge
