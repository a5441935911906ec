// Subset models with what they were trained on, as far as a command is told of it: an experiment's
// folder, or arrays that anyone may have made.
#pragma once

#include <torch/types.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "expunge/data/dataset.h"
#include "expunge/report/shown_example.h"
#include "expunge/train/ensemble_store.h"

namespace expunge::app {

/// A store for reading; InputError if it is not finished.
EnsembleStore finished_store(const std::filesystem::path& folder);

struct SubsetFlags {
  std::string experiment, masks, logits, labels, full_logits, config;
};
/// --experiment; --masks, --logits, --labels, --full-logits and --config.
void add_subset_flags(CLI::App& command, SubsetFlags& flags);
/// The flags that are given, as they are written on a command line.
std::string given_subset_flags(const SubsetFlags& flags);

struct SubsetModels {
  torch::Tensor masks;        // (N, n) bool
  torch::Tensor logits;       // (N, m, C), the first n of the points the training set
  torch::Tensor labels;       // (m) int64, in [0, C)
  torch::Tensor full_logits;  // (full models, m, C); undefined where they are not known
  std::optional<DataSplit> data;

  [[nodiscard]] int64_t n() const { return masks.size(1); }
  [[nodiscard]] int64_t m() const { return labels.size(0); }
  [[nodiscard]] int64_t classes() const { return logits.size(2); }
  /// Name of a class, its number where names are not known.
  [[nodiscard]] std::string class_name(int64_t label) const;
  /// "training example 17", "validation example 3".
  [[nodiscard]] std::string place(int64_t point) const;
  /// The point with class, index and, where the data are known, picture.
  [[nodiscard]] ShownExample shown(int64_t point) const;
};

/// What the flags say. OptionError if they say too little or exclude each other; InputError if a file
/// is not sound, two of them disagree, or the data are not those that the models were trained on.
SubsetModels read_subset_models(const SubsetFlags& flags);

}  // namespace expunge::app
