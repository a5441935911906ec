// Training an ensemble into its store.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "expunge/core/progress.h"
#include "expunge/data/masks.h"
#include "expunge/train/ensemble_store.h"
#include "expunge/train/graph_training.h"
#include "expunge/train/problem.h"
#include "expunge/train/recipe.h"

namespace expunge {

/// Which models an ensemble holds. Model i sees
///   subset   what subset_mask(*masks, n, seed, i) says
///   oracle   all of S but `excluded`
///   full     all of S (neither of the two)
struct EnsembleSpec {
  std::string name;  // enters the seeds: two ensembles of one seed share no randomness
  int64_t models = 100;
  uint64_t seed = 0;
  std::optional<MaskOptions> masks;
  std::string masks_of =
      {};  // whose masks, by name: another ensemble of the same seed; empty: its own
  std::vector<int64_t> excluded;  // indices into S, not all of it; the order does not matter
  torch::ScalarType logits_dtype = torch::kFloat32;
  bool weights = false;  // keep each model's weights
};

/// Seed of model `row`: it and the recipe decide the model, whatever trains it.
uint64_t model_seed(const EnsembleSpec& spec, int64_t row);

/// Mask (n) bool of model `row`.
torch::Tensor model_mask(const EnsembleSpec& spec, int64_t n, int64_t row);

/// What the store of such an ensemble is made for, beside what decides how one model is trained. OptionError
/// or InputError for a spec that no models can be trained for.
EnsembleDescription describe_ensemble(const EnsembleSpec& spec, const Problem& problem);

/// One model of an ensemble, trained from scratch on the problem's device; by `graphs`, made for the
/// same problem and recipe, where there is one.
std::unique_ptr<Network> train_member(const EnsembleSpec& spec, const Recipe& recipe,
                                      const Problem& problem, int64_t row,
                                      GraphTraining* graphs = nullptr);

/// Opens or makes the ensemble's store in `folder` and trains the rows that it lacks, `workers` at
/// a time (0: one a processor; on a CUDA device as many as it has memory for, 16 at most), each on one
/// thread. Where a device's memory does not suffice, half as many go on. Rows do not depend on the number of workers or
/// on interruptions. Throws Interrupted on request_interrupt(), with all finished rows kept,
/// NonFiniteError naming the model that diverged, and, before there is a store, OptionError or
/// InputError for a spec or recipe that cannot be trained.
///
/// Of a share that is not the whole, only its rows are trained and the store is not finalised: whoever
/// is called with the whole trains what is still missing, and finalises.
EnsembleStore train_ensemble(const std::filesystem::path& folder, const EnsembleSpec& spec,
                             const Recipe& recipe, const Problem& problem, int64_t workers = 0,
                             ProgressSink* progress = nullptr, const RowShare& share = {});

/// A network for a store's row, and what its file is to say beside the recipe.
struct MadeModel {
  std::unique_ptr<Network> network;
  Metadata notes;
};

/// As train_ensemble, but row i comes from make(i): for models that do not come from training
/// alone, such as unlearned ones. Their logits at all evaluation points are appended with
/// mask_of(i). Both are called from several threads, on a CUDA device each with a stream of its own; the
/// networks are on the problem's device. `released` is called where rows are tried again for lack of
/// memory.
EnsembleStore fill_store(const std::filesystem::path& folder,
                         const EnsembleDescription& description, const Recipe& recipe,
                         const Problem& problem,
                         const std::function<torch::Tensor(int64_t)>& mask_of,
                         const std::function<MadeModel(int64_t)>& make, int64_t workers = 0,
                         ProgressSink* progress = nullptr, const RowShare& share = {},
                         const std::function<void(int64_t)>& released = {});

/// The same for networks that no recipe describes: `common` goes into every model's file.
EnsembleStore fill_store(const std::filesystem::path& folder,
                         const EnsembleDescription& description, const Metadata& common,
                         const Problem& problem,
                         const std::function<torch::Tensor(int64_t)>& mask_of,
                         const std::function<MadeModel(int64_t)>& make, int64_t workers = 0,
                         ProgressSink* progress = nullptr, const RowShare& share = {},
                         const std::function<void(int64_t)>& released = {});

/// All options of the recipe by name, as TOML text, and a digest of the file of a TorchScript network: what
/// ensemble.json records.
std::map<std::string, std::string> recipe_settings(const Recipe& recipe);

}  // namespace expunge
