#include "expunge/train/ensemble.h"

#include <algorithm>
#include <mutex>

#include "expunge/core/atomic_file.h"
#include "expunge/core/device.h"
#include "expunge/core/error.h"
#include "expunge/core/fnv1a.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"
#include "expunge/data/forget_set.h"

namespace expunge {
namespace {

constexpr int64_t most_at_once = 16;  // on a CUDA device, where the number is not given

std::string digest_of_file(const std::string& path) {
  const auto bytes = read_file(path);
  return to_toml(fmt::format("{:016x}", fnv1a(bytes.data(), bytes.size())));
}

// Before there is a store: one that is made for settings that no model can be trained with would
// refuse the corrected ones.
void check(const EnsembleSpec& spec, int64_t n) {
  if (spec.models < 1)
    fail<OptionError>("ensemble {}: at least 1 model required, got {}", spec.name, spec.models);
  if (spec.masks && !spec.excluded.empty()) {
    fail<OptionError>("ensemble {}: masks or excluded examples required, got both", spec.name);
  }
  if (spec.masks) subset_mask(*spec.masks, n, 0, 0);
  if (!spec.excluded.empty()) {
    check_forget_set(spec.excluded, n, fmt::format("ensemble {}, excluded", spec.name));
  }
}

}  // namespace

EnsembleDescription describe_ensemble(const EnsembleSpec& spec, const Problem& problem) {
  check(spec, problem.n());
  EnsembleDescription d;
  d.name = spec.name;
  d.models = spec.models;
  d.layout = {problem.n(), problem.m(), problem.shape.classes, spec.logits_dtype};
  d.weights = spec.weights;
  d.settings["seed"] = fmt::format("{}", spec.seed);
  d.settings["data"] = problem.fingerprint;
  if (!spec.masks_of.empty()) d.settings["masks_of"] = to_toml(spec.masks_of);
  if (spec.masks) {
    MaskOptions masks = *spec.masks;
    d.settings.merge(settings_of(options_of(masks), "masks."));
  }
  if (!spec.excluded.empty()) {
    auto excluded = spec.excluded;  // a set: its order does not matter
    std::sort(excluded.begin(), excluded.end());
    d.settings["excluded"] = to_toml(excluded);
  }
  return d;
}

std::map<std::string, std::string> recipe_settings(const Recipe& recipe) {
  auto settings = settings_of(recipe, "recipe.");
  if (recipe.network.kind == NetworkKind::torchscript)
    settings["recipe.model_digest"] = digest_of_file(recipe.network.model);
  return settings;
}

uint64_t model_seed(const EnsembleSpec& spec, int64_t row) {
  return derive_seed(spec.seed, spec.name, static_cast<uint64_t>(row));
}

torch::Tensor model_mask(const EnsembleSpec& spec, int64_t n, int64_t row) {
  if (spec.masks) {
    const auto& owner = spec.masks_of.empty() ? spec.name : spec.masks_of;
    return subset_mask(*spec.masks, n, derive_seed(spec.seed, owner + " masks", 0), row);
  }
  auto mask = torch::ones({n}, torch::kBool);
  for (const int64_t index : spec.excluded) mask[index] = false;
  return mask;
}

std::unique_ptr<Network> train_member(const EnsembleSpec& spec, const Recipe& recipe,
                                      const Problem& problem, int64_t row, GraphTraining* graphs) {
  const auto members_tensor = model_mask(spec, problem.n(), row).nonzero().flatten().contiguous();
  const std::span<const int64_t> members(members_tensor.data_ptr<int64_t>(),
                                         static_cast<size_t>(members_tensor.numel()));
  const uint64_t seed = model_seed(spec, row);
  auto network = initial_network(recipe.network, problem.shape, derive_seed(seed, "initial", 0));
  if (!problem.device().is_cpu()) network = network->copy_on(problem.device());
  const uint64_t order = derive_seed(seed, "order", 0);
  try {
    if (graphs != nullptr) {
      graphs->train(require_layers(*network, "training by graphs"), members, order);
    } else {
      train_network(*network, problem.training, members, recipe, order);
    }
  } catch (const NonFiniteError& error) {
    fail<NonFiniteError>("ensemble {}, model {}: {}", spec.name, row, error.what());
  }
  return network;
}

EnsembleStore train_ensemble(const std::filesystem::path& folder, const EnsembleSpec& spec,
                             const Recipe& recipe, const Problem& problem, int64_t workers,
                             ProgressSink* progress, const RowShare& share) {
  recipe.validate();
  auto description = describe_ensemble(spec, problem);
  description.settings.merge(recipe_settings(recipe));
  const auto graphs = GraphTraining::make(problem, recipe);
  if (graphs != nullptr) {
    const auto examples = model_mask(spec, problem.n(), 0).sum().item<int64_t>();
    const int64_t most = workers > 0 ? workers : most_at_once;
    on_device(problem.device(), [&] { workers = graphs->at_once(examples, most); });
  }
  return fill_store(
      folder, description, recipe, problem,
      [&](int64_t row) { return model_mask(spec, problem.n(), row); },
      [&](int64_t row) {
        return MadeModel{train_member(spec, recipe, problem, row, graphs.get()), {}};
      },
      workers, progress, share,
      [&](int64_t) {
        if (graphs != nullptr) graphs->release();
      });
}

EnsembleStore fill_store(const std::filesystem::path& folder,
                         const EnsembleDescription& description, const Recipe& recipe,
                         const Problem& problem,
                         const std::function<torch::Tensor(int64_t)>& mask_of,
                         const std::function<MadeModel(int64_t)>& make, int64_t workers,
                         ProgressSink* progress, const RowShare& share,
                         const std::function<void(int64_t)>& released) {
  return fill_store(folder, description, model_metadata(recipe, problem), problem, mask_of, make,
                    workers, progress, share, released);
}

EnsembleStore fill_store(const std::filesystem::path& folder,
                         const EnsembleDescription& description, const Metadata& common_metadata,
                         const Problem& problem,
                         const std::function<torch::Tensor(int64_t)>& mask_of,
                         const std::function<MadeModel(int64_t)>& make, int64_t workers,
                         ProgressSink* progress, const RowShare& share,
                         const std::function<void(int64_t)>& released) {
  auto store = EnsembleStore::create_or_open(folder, description);
  std::vector<int64_t> missing;
  int64_t rows = 0;
  const auto there = store.completed(share);
  for (int64_t row = 0; row < description.models; ++row) {
    if (!share.holds(row)) continue;
    ++rows;
    if (!there[static_cast<size_t>(row)]) missing.push_back(row);
  }
  const int64_t resumed = rows - static_cast<int64_t>(missing.size());
  int64_t done = resumed;
  std::mutex mutex;
  const auto report = [&] {
    if (progress != nullptr) progress->update(description.name, done, rows, resumed);
  };
  const auto note = [&](int64_t row, bool finished) {
    if (progress != nullptr) progress->row(description.name, row, finished);
  };
  report();
  auto common = common_metadata;
  if (!problem.device().is_cpu()) {
    common["expunge.device"] = describe_device(problem.device());
    common["expunge.precision"] = problem.precision == Precision::half ? "half" : "float32";
    if (workers <= 0) workers = std::min(worker_count(), most_at_once);
  }
  const auto fill_row = [&](int64_t row) {
    {
      const std::lock_guard lock(mutex);
      note(row, /*finished=*/false);
    }
    auto [network, metadata] = make(row);
    metadata.insert(common.begin(), common.end());
    try {
      const auto logits =
          evaluate_logits(*network, problem.inputs.to(network->parameters().scalar_type()));
      store.append(row, mask_of(row), logits, *network, metadata);
    } catch (const NonFiniteError& error) {
      fail<NonFiniteError>("ensemble {}, model {}: {}", description.name, row, error.what());
    }
    const std::lock_guard lock(mutex);
    ++done;
    note(row, /*finished=*/true);
    report();
  };
  parallel_for_halving(
      static_cast<int64_t>(missing.size()), workers,
      [&](int64_t i) {
        on_device(problem.device(), [&] { fill_row(missing[static_cast<size_t>(i)]); });
      },
      [&](int64_t left) {
        if (released) released(left);
        release_cached_memory(problem.device());
      });
  if (share.is_whole()) store.finalise();
  return store;
}

}  // namespace expunge
