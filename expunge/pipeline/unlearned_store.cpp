#include "expunge/pipeline/unlearned_store.h"

#include <ATen/ops/stack.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/random.h"
#include "expunge/evaluate/margins.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

fs::path work_path(const fs::path& folder, int64_t row) {
  return folder / "work" / fmt::format("{:05}.json", row);
}

fs::path trajectory_path(const fs::path& folder, int64_t row) {
  return folder / "trajectory" / fmt::format("{:05}.npy", row);
}

// Margins of one model at all evaluation points, and what had been spent by then.
class TrajectoryRecorder {
 public:
  explicit TrajectoryRecorder(const Problem& problem) : problem_(problem) {}

  void record(Network& network, double sample_gradients) {
    const auto inputs = problem_.inputs.to(network.parameters().scalar_type());
    const auto logits = evaluate_logits(network, inputs).to(torch::kFloat32);
    margins_.push_back(margins(logits, problem_.labels, 1));
    work_.push_back(sample_gradients);
  }
  [[nodiscard]] torch::Tensor table() const { return at::stack(margins_); }
  [[nodiscard]] const std::vector<double>& work() const { return work_; }

 private:
  const Problem& problem_;
  std::vector<torch::Tensor> margins_;
  std::vector<double> work_;
};

nlohmann::json read_work(const fs::path& path) {
  const auto text = read_file(path);
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception&) {
    fail<InputError>("{}: what a model cost required, this is not JSON", path.string());
  }
}

double number_in(const nlohmann::json& work, const char* key, const fs::path& path) {
  const auto found = work.find(key);
  if (found == work.end() || !found->is_number() || !(found->get<double>() >= 0))
    fail<InputError>("{}: {}: a number of at least 0 required", path.string(), key);
  return found->get<double>();
}

// What a model's own file says that it cost.
double cost_in_metadata(const EnsembleStore& store, int64_t row) {
  const auto metadata = store.model(row).metadata;
  const auto cost = metadata.find("expunge.sample_gradients");
  const auto refuse = [&](const std::string& got) {
    fail<InputError>("{}: metadata \"expunge.sample_gradients\": a number required, {}",
                     store.weights_path(row).string(), got);
  };
  if (cost == metadata.end()) refuse("not there");
  char* end = nullptr;
  const double value = std::strtod(cost->second.c_str(), &end);
  if (!(value >= 0) || cost->second.empty() || *end != '\0') refuse("got \"" + cost->second + "\"");
  return value;
}

}  // namespace

EnsembleStore fill_unlearned(const Experiment& experiment, const ForgetSet& set,
                             const fs::path& folder, const Unlearner& unlearner,
                             const UnlearnedSpec& spec) {
  const auto full = experiment.open_store("full", "train");
  const auto& problem = experiment.computing();
  EnsembleDescription description = full.description();
  description.name = spec.name;
  description.models = spec.models;
  description.weights = spec.weights;
  description.settings["excluded"] = to_toml(set.indices);
  for (const auto& [name, value] : spec.settings) description.settings[name] = value;

  auto mask = model_mask(experiment.oracle_spec(set), problem.n(), 0);
  const auto make = [&](int64_t row) {
    auto model = full.model(row);
    if (!problem.device().is_cpu()) model.network = model.network->copy_on(problem.device());
    UnlearnTask task{.problem = problem, .forget = set.indices, .targets = {}};
    if (spec.targets) task.targets = spec.targets(row);
    task.seed = derive_seed(static_cast<uint64_t>(experiment.config().ensembles.seed), spec.name,
                            static_cast<uint64_t>(row));
    TrajectoryRecorder recorder(problem);
    if (spec.trajectory) {
      recorder.record(*model.network, 0);
      task.after_pass = [&](Network& network, double spent) { recorder.record(network, spent); };
    }
    const auto start = std::chrono::steady_clock::now();
    const auto summary = [&] {
      try {
        return unlearner.unlearn(*model.network, task);
      } catch (const NonFiniteError& error) {
        fail<NonFiniteError>("ensemble {}, model {}: {}", spec.name, row, error.what());
      }
    }();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    // Before the row itself: a row that is there has its record.
    if (spec.trajectory) {
      fs::create_directories(folder / "trajectory");
      write_npy(trajectory_path(folder, row), recorder.table());
    }
    if (!spec.weights) {
      fs::create_directories(folder / "work");
      const nlohmann::json work = {{"sample_gradients", summary.sample_gradients},
                                   {"seconds", seconds},
                                   {"passes", recorder.work()}};
      write_file_atomically(work_path(folder, row), work.dump() + "\n");
    }
    return MadeModel{std::move(model.network),
                     {{"expunge.unlearned", to_toml(set.indices)},
                      {"expunge.sample_gradients", to_toml(summary.sample_gradients)},
                      {"expunge.forget_error_before", to_toml(summary.forget_error_before)},
                      {"expunge.forget_error_after", to_toml(summary.forget_error_after)}}};
  };
  return fill_store(
      folder, description, experiment.config().recipe, problem, [&](int64_t) { return mask; }, make,
      experiment.workers(), experiment.progress(), spec.share);
}

UnlearnedWork mean_work(const EnsembleStore& store) {
  const int64_t models = store.description().models;
  UnlearnedWork mean;
  for (int64_t row = 0; row < models; ++row) {
    if (store.description().weights) {
      mean.sample_gradients += cost_in_metadata(store, row);
      continue;
    }
    const auto path = work_path(store.folder(), row);
    const auto work = read_work(path);
    mean.sample_gradients += number_in(work, "sample_gradients", path);
    mean.seconds += number_in(work, "seconds", path);
  }
  mean.sample_gradients /= static_cast<double>(models);
  mean.seconds /= static_cast<double>(models);
  return mean;
}

Trajectory mean_trajectory(const EnsembleStore& store) {
  const int64_t models = store.description().models;
  Trajectory mean;
  for (int64_t row = 0; row < models; ++row) {
    const auto path = trajectory_path(store.folder(), row);
    if (!fs::exists(path))
      fail<InputError>("{}: the course of a model required, not there", path.string());
    const auto table = read_npy(path);
    const bool fits = table.scalar_type() == torch::kFloat32 && table.dim() == 2 &&
                      table.size(0) >= 2 && table.size(1) == store.description().layout.m &&
                      (row == 0 || table.sizes() == mean.margins.sizes());
    if (!fits) {
      fail<InputError>("{}: margins (T, {}) of Float required, T as in the other rows, got ({})",
                       path.string(), store.description().layout.m, fmt::join(table.sizes(), ", "));
    }
    if (!torch::isfinite(table).all().item<bool>())
      fail<NonFiniteError>("{}: a margin is not finite", path.string());
    mean.margins = row == 0 ? table / static_cast<double>(models)
                            : mean.margins + table / static_cast<double>(models);
  }
  const auto path = work_path(store.folder(), 0);
  const auto work = read_work(path);
  const auto passes = work.find("passes");
  if (passes != work.end() && passes->is_array()) {
    for (const auto& spent : *passes) {
      if (spent.is_number()) mean.sample_gradients.push_back(spent.get<double>());
    }
  }
  if (static_cast<int64_t>(mean.sample_gradients.size()) != mean.margins.size(0)) {
    fail<InputError>("{}: passes: {} numbers required, got {}", path.string(), mean.margins.size(0),
                     mean.sample_gradients.size());
  }
  return mean;
}

}  // namespace expunge
