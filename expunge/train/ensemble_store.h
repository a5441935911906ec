// An ensemble's folder: masks, logits and, where asked for, weights of many models of one recipe.
//
//   ensemble.json             what the ensemble is: format version, recipe, seeds, sizes
//   masks.npy (N, n) bool, logits.npy (N, m, C) float16 or float32, _completed.npy (N) bool
//   weights/NNNNN.safetensors one file a model
//   shards/*.shard            rows finished so far, while the store is being filled (shard.h)
//
// Names of the arrays as in the public datamodels stores, whose tools read ours.
//
// A process killed at any instant leaves a store that opens again with all rows that it had
// finished. Several processes may fill one store; a row that two of them make has the same bytes.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "expunge/train/model_file.h"
#include "expunge/train/row_share.h"
#include "expunge/train/shard.h"

namespace expunge {

/// What must agree for two processes to fill the same store.
struct EnsembleDescription {
  std::string name;    // role of the ensemble: "subset", "full", "oracle", ...
  int64_t models = 0;  // N
  RowLayout layout;
  bool weights = false;                         // whether each model's weights are kept
  std::map<std::string, std::string> settings;  // recipe, seed, masks, data: as TOML text by name
};

class EnsembleStore {
 public:
  /// Opens `folder` for filling, making it if it does not exist. InputError names the first setting
  /// that differs if it holds another ensemble. Logits are kept as float16 or float32.
  static EnsembleStore create_or_open(const std::filesystem::path& folder,
                                      const EnsembleDescription& description);
  /// A finished store of rows that are there already: row_of(i) is called once for each, in order.
  /// InputError if the folder holds a store; without weights.
  static EnsembleStore write(const std::filesystem::path& folder,
                             const EnsembleDescription& description,
                             const std::function<ShardRow(int64_t)>& row_of);
  /// Opens an existing store for reading. InputError if ensemble.json is not sound.
  static EnsembleStore open(const std::filesystem::path& folder);

  [[nodiscard]] const EnsembleDescription& description() const { return description_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  /// Which of the N rows are there; of a store that is not finalised, only those of the share are looked
  /// at.
  [[nodiscard]] std::vector<bool> completed(const RowShare& share = {}) const;
  /// The same by the rows' numbers alone, whose bytes are not looked at: to be shown while others fill
  /// the store.
  [[nodiscard]] std::vector<bool> listed() const;
  [[nodiscard]] bool is_complete() const;
  /// Whether the npy files are written.
  [[nodiscard]] bool is_finalised() const;

  /// Adds a finished row: the model's file first, where the description says that weights are kept,
  /// then mask (n) and logits (m, C). Thread-safe.
  void append(int64_t row, const torch::Tensor& mask, const torch::Tensor& logits,
              const Network& network, const Metadata& metadata);
  /// Once all rows are there: writes the npy files, a row at a time, and removes the shards. Does
  /// nothing if done, by whichever process.
  void finalise();

  /// (N, n) bool and (N, m, C), without the rows that are not there yet; mapped from disk if
  /// finalised, else read from the shards. While other processes fill the store, logits() may hold
  /// rows more than an earlier masks().
  [[nodiscard]] torch::Tensor masks() const;
  [[nodiscard]] torch::Tensor logits() const;

  [[nodiscard]] std::filesystem::path weights_path(int64_t row) const;
  /// The model of a row; InputError names its file if that is not there or not sound.
  [[nodiscard]] Model model(int64_t row) const;

 private:
  EnsembleStore(std::filesystem::path folder, EnsembleDescription description);
  [[nodiscard]] bool counts(int64_t row) const;
  [[nodiscard]] std::vector<bool> in_shards(const RowShare& share, bool read) const;
  void write_arrays(const std::function<ShardRow(int64_t)>& row_of) const;
  std::vector<bool> visit_rows(const std::function<void(const ShardRow&)>& visit) const;
  [[nodiscard]] torch::Tensor from_shards(torch::Tensor ShardRow::*part) const;
  [[nodiscard]] torch::Tensor from_file(const std::string& name, torch::ScalarType dtype,
                                        const std::vector<int64_t>& shape) const;

  std::filesystem::path folder_;
  EnsembleDescription description_;
  std::unique_ptr<ShardWriter> writer_;
};

}  // namespace expunge
