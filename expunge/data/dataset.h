// Labelled images in memory.
#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

namespace expunge {

struct Dataset {
  std::string name;
  torch::Tensor images;  // (n, C, H, W) uint8, or float32; contiguous
  torch::Tensor labels;  // (n) int64, each in [0, classes)
  std::vector<std::string> class_names;
  // Files that could not be read and were to be skipped, and why.
  std::vector<std::string> skipped = {};
  // Subpopulations within classes, where the data has them.
  torch::Tensor groups = {};  // (n) int64, each in [0, group_names); undefined where there are none
  std::vector<std::string> group_names = {};

  [[nodiscard]] int64_t size() const { return labels.size(0); }
  [[nodiscard]] int64_t classes() const { return static_cast<int64_t>(class_names.size()); }
  /// InputError, beginning with `where`, unless shapes and dtypes are as above, there is at least
  /// one example, labels and groups are in range and values are finite.
  void validate(const std::string& where) const;
};

struct DataSplit {
  Dataset train;          // S
  Dataset validation;     // V
  bool normalise = true;  // bring inputs to mean 0 and deviation 1; else only bytes to [0, 1]
};

/// The first `count` examples; InputError if there are fewer.
Dataset first_examples(const Dataset& data, int64_t count, const std::string& where);

/// The first `count` examples of each class, in the order of the data.
Dataset first_of_each_class(const Dataset& data, int64_t count, const std::string& where);

}  // namespace expunge
