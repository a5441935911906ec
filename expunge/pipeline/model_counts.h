// How good predictions are with how few subset models: estimators fitted on parts of an ensemble.
//
//   name = "model-count"
//   models = [25, 50, 100]     # N, ascending
//   parts = 4                  # of each N, up to so many parts that share no model
//
//   [[ensemble]]               # subset models beside the experiment's own, as [[datamodels]] of a sweep
//   name = "paper"
//   subset_models = 800
//   alpha = 0.5
//
//   [[estimator]]
//   name = "plain ridge"
//   ensemble = "paper"         # "": the experiment's own
//   models = [100, 200]        # instead of the file's
//   parts = 1
//   prior = "none"             # and all other options of [attribution]
//
// Part k of N models are rows k N ... (k + 1) N - 1 of the ensemble's store: one store serves all, and
// with N a multiple of the blocks of balanced masks (5 for alpha 0.8) every part is balanced.
//
//   OUT/subset[@NAME]/                        the ensembles
//   OUT/model-count/<N>-<k>-<16 digits>.json  KLoM of what was fitted on a part, by forget set; the digits
//                                             are a digest of all options of the estimator and its ensemble
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "expunge/pipeline/experiment.h"

namespace expunge {

/// Subset models beside the experiment's own.
struct SubsetEnsembleConfig {
  std::string name;
  int64_t subset_models = 100;
  MaskOptions masks;

  void validate() const;
};
OptionGroup options_of(SubsetEnsembleConfig& options);

struct CountedEstimator {
  std::string name;             // in tables and plots
  std::string ensemble;         // empty: the experiment's own
  std::vector<int64_t> models;  // N, ascending, each at least 2
  int64_t parts = 4;
  AttributionOptions attribution;

  void validate() const;
};
OptionGroup options_of(CountedEstimator& options);

struct ModelCountConfig {
  std::string name = "model-count";
  std::filesystem::path path;  // the file that it was read from
  std::vector<SubsetEnsembleConfig> ensembles;
  std::vector<CountedEstimator> estimators;  // names differ
};

/// OptionError with file and line for unknown keys and ensembles, names that occur twice, options out of
/// range, and where there is no estimator.
ModelCountConfig read_model_count_config(const std::filesystem::path& path);

/// What was fitted on one part, on one forget set. KLoM P95 of dm-direct, in nats.
struct CountResult {
  std::string forget_set;
  std::string estimator;
  int64_t models = 0;  // N
  int64_t part = 0;    // k
  double forget = 0;
  double retain = 0;
  double validation = 0;
};

/// Trains the ensembles as far as they are missing, then fits and measures every part that has not been
/// yet. OptionError if an ensemble has fewer models than an estimator asks for. Progress is told as
/// "fitting", a part at a time.
void run_model_counts(const Experiment& experiment, const ModelCountConfig& config);

/// What run_model_counts() has left: by forget set, estimator, N and part. InputError names what is not
/// there, or not sound.
std::vector<CountResult> model_count_results(const Experiment& experiment,
                                             const ModelCountConfig& config);

}  // namespace expunge
