// One file that describes a whole experiment: data, recipe, ensembles, forget sets, methods.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "expunge/attribution/attribution_options.h"
#include "expunge/core/device.h"
#include "expunge/core/options.h"
#include "expunge/data/load.h"
#include "expunge/data/masks.h"
#include "expunge/evaluate/group_summary.h"
#include "expunge/evaluate/klom.h"
#include "expunge/train/recipe.h"
#include "expunge/unlearn/target_matching.h"

namespace expunge {

/// How many models of each kind are trained.
struct EnsembleOptions {
  int64_t seed = 0;
  int64_t subset_models = 100;
  int64_t full_models = 100;
  int64_t oracle_models = 200;  // per forget set: half to judge by, half for targets and the floor
  MaskOptions masks;
  std::string logits_dtype = "float32";

  void validate() const;
};
OptionGroup options_of(EnsembleOptions& options);

/// How quality is measured.
struct EvaluationOptions {
  KlomOptions klom;
  ResamplingOptions resampling;  // for the intervals
  double multiplier = 1;         // of the predicted shift in dm-direct and DMM

  void validate() const;
};
OptionGroup options_of(EvaluationOptions& options);

/// True for letters, digits, - _ . that do not begin with a point: names that become folders'.
bool is_plain_name(const std::string& name);

/// A forget set by name and file (one index a line).
struct ForgetSetConfig {
  std::string name;
  std::string file;  // relative to the configuration file
  std::string description;
};
OptionGroup options_of(ForgetSetConfig& options);

struct RunConfig {
  std::string name = "run";
  std::filesystem::path path;  // the file that it was read from
  DataOptions data;
  Recipe recipe;
  EnsembleOptions ensembles;
  AttributionOptions attribution;
  MatchingOptions matching;
  EvaluationOptions evaluation;
  ComputeOptions compute;  // not part of what the experiment is
  std::vector<ForgetSetConfig> forget_sets;

  /// OptionError if an option is out of its range, two forget sets have one name, or none is given.
  void validate() const;
};

/// Reads [data], [recipe], [ensembles], [attribution], [matching], [evaluation], [compute] and [[forget_set]];
/// what is not set keeps its default. OptionError names file, line and the nearest known name.
RunConfig read_run_config(const std::filesystem::path& path);

/// The option groups of a configuration in the order in which they are written; they refer to it.
std::vector<OptionGroup> option_groups(RunConfig& config);

/// The whole configuration as TOML, every option with its value; with comments on request.
std::string to_toml(const RunConfig& config, bool comments);

/// The same without [compute] and comments: what an experiment is, wherever it is computed.
std::string identity_toml(const RunConfig& config);

}  // namespace expunge
