// A grid over methods and their options, in one file.
//
//   name = "figure-1"
//
//   [[datamodels]]               # beside the experiment's own, for the methods that name them
//   name = "paper"
//   subset_models = 1000
//   alpha = 0.5
//
//   [[method]]
//   name = "SCRUB"               # in tables and plots
//   kind = "scrub"               # see method_kinds(), or "prediction": logits, no model
//   learning_rate = [5e-4, 5e-3] # a list: each of its values with each of the others'
//   epochs = [5, 7]
//
//   [[method]]
//   name = "DMM"
//   kind = "matching"
//   targets = "predicted"        # or "oracle"
//   datamodels = ""              # "": the experiment's own
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "expunge/pipeline/datamodels.h"
#include "expunge/unlearn/method.h"

namespace expunge {

enum class CellTargets {
  none,       // methods that have no targets
  predicted,  // the full model's logits plus the predicted shift
  oracle,     // an oracle's logits
};

/// One method with one choice of its options.
struct SweepCell {
  std::string method;       // its name in tables and plots
  bool prediction = false;  // the predicted logits themselves (dm-direct): no model comes out
  MethodOptions options;    // where it is no prediction
  CellTargets targets = CellTargets::none;
  std::string datamodels;  // whose predictions; empty: the experiment's own
  bool trajectory = false;
  std::string varied;  // the options that the grid sets: "learning_rate 0.005, epochs 5"

  /// Everything that decides the cell's models, beside the experiment: option names and values.
  [[nodiscard]] std::map<std::string, std::string> settings() const;
};

struct SweepConfig {
  std::string name = "sweep";
  std::filesystem::path path;  // the file that it was read from
  std::vector<DatamodelsConfig> datamodels;
  std::vector<SweepCell> cells;  // in the file's order, the last list of a method fastest
};

/// OptionError with file and line for unknown keys, kinds and datamodels, options that the kind does
/// not have or that are out of range, and two cells of the same method and options.
SweepConfig read_sweep_config(const std::filesystem::path& path);

}  // namespace expunge
