// The training set that examples are chosen from, as far as a command is told of it: its size, and
// its labels and names of classes where they are known.
#pragma once

#include <torch/types.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace expunge::app {

struct TrainingSetFlags {
  std::string config, experiment, labels;
  int64_t n = 0;
};
/// --config, --experiment, --labels and --n.
void add_training_set_flags(CLI::App& command, TrainingSetFlags& flags);
/// Those that are given, each as "--name" and value.
std::vector<std::pair<std::string, std::string>> given_flags(const TrainingSetFlags& flags);

struct TrainingSet {
  int64_t n = 0;
  torch::Tensor labels;                  // (n) int64; undefined where they are not known
  std::vector<std::string> class_names;  // empty where they are not known
  // Of the format that has subpopulations, with --config.
  torch::Tensor groups = {};                  // (n) int64; else undefined
  std::vector<std::string> group_names = {};  // else empty

  /// Number of classes: of names, else one more than the largest label.
  [[nodiscard]] int64_t classes() const;
};

/// What the flags say. `n`: the number of examples where other arrays say it, else 0. OptionError
/// if it stays unknown, or if flags exclude each other; InputError if a file is not sound or two
/// of them disagree.
TrainingSet read_training_set(const TrainingSetFlags& flags, int64_t n = 0);

/// Masks (N, n) bool, or uint8 of 0 and 1.
torch::Tensor masks_in(const std::string& path);
/// Labels (m) of whole numbers, int64.
torch::Tensor labels_in(const std::string& path);

/// How many of each class are in F, of those that there are: text, empty where labels are not
/// known.
std::string class_counts(const TrainingSet& training, std::span<const int64_t> forget);
/// The same for every class that has an example in F.
nlohmann::ordered_json class_counts_json(const TrainingSet& training,
                                         std::span<const int64_t> forget);

}  // namespace expunge::app
