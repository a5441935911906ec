// The stages of an experiment, each of which reads what the earlier ones left in its folder.
//
//   OUT/config.toml                 the configuration, every option with its value but [compute]
//   OUT/devices.txt                 devices other than the CPU that have computed here
//   OUT/subset, full/               ensembles (train/ensemble_store.h)
//   OUT/labels.npy                  (m) int64, of all evaluation points
//   OUT/oracle-<set>/               for each forget set, models retrained without it
//   OUT/shift-<set>.npy             (m, C) predicted removal shift
//   OUT/attribution.json            lambda and how it was chosen
//   OUT/dmm-<set>/, matched-<set>/  unlearned models: towards predictions, towards oracles
//   OUT/klom-<set>-<method>.npy     (m) KLoM of each evaluation point
//   OUT/table.csv, table.json, report.html
//
// Every stage can be interrupted and run again; what is finished is kept.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "expunge/core/progress.h"
#include "expunge/data/dataset.h"
#include "expunge/pipeline/run_config.h"
#include "expunge/train/ensemble.h"
#include "expunge/train/problem.h"
#include "expunge/train/row_share.h"

namespace expunge {

/// A forget set of the experiment, read and checked.
struct ForgetSet {
  ForgetSetConfig config;
  std::vector<int64_t> indices;  // F, in the file's order
};

class Experiment {
 public:
  /// Loads data and forget sets and claims the folder; InputError if it holds an experiment with
  /// another configuration.
  Experiment(RunConfig config, std::filesystem::path folder, int64_t workers = 0,
             ProgressSink* progress = nullptr);

  /// Trains what is missing of the subset, full and oracle ensembles.
  void train() const;
  /// Of a share of all their rows, what is missing of it.
  void train_share(RowShare share) const;
  /// Trains what is missing of one ensemble, in the folder of its name.
  EnsembleStore train_store(const EnsembleSpec& spec, const RowShare& share = {}) const;
  /// True unless the shifts of all forget sets are there, by the configuration's options.
  [[nodiscard]] bool needs_attribution() const;
  /// Fits the datamodels and predicts each forget set's removal shift.
  void attribute() const;
  /// Brings every full model to its targets: predicted ones, and oracles' for comparison.
  void unlearn() const;
  /// Of a share of all these models, what is missing of it.
  void unlearn_share(RowShare share) const;
  /// Brings every full model to the predicted targets of one set (DMM): OUT/dmm-<set>. Needs no oracle.
  EnsembleStore match_prediction(const ForgetSet& set, const RowShare& share = {}) const;

  [[nodiscard]] const RunConfig& config() const { return config_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const DataSplit& data() const { return data_; }
  [[nodiscard]] const Problem& problem() const { return problem_; }
  /// The same where networks are computed: on the configuration's device.
  [[nodiscard]] const Problem& computing() const { return computing_; }
  [[nodiscard]] const std::vector<ForgetSet>& forget_sets() const { return forget_sets_; }
  [[nodiscard]] int64_t workers() const { return workers_; }
  [[nodiscard]] ProgressSink* progress() const { return progress_; }

  [[nodiscard]] EnsembleSpec subset_spec() const;
  [[nodiscard]] EnsembleSpec full_spec() const;
  [[nodiscard]] EnsembleSpec oracle_spec(const ForgetSet& set) const;
  /// Opens a finished store of this experiment; InputError names the command that makes it if it is
  /// not there or not finished, and says so if it was made for other data or another forget set.
  [[nodiscard]] EnsembleStore open_store(const std::string& name, const char* made_by) const;
  /// (m, C) removal shift of a forget set as left by attribute().
  [[nodiscard]] torch::Tensor shift(const ForgetSet& set) const;
  /// Rows of an oracle ensemble that targets and the floor are taken from; the others judge.
  [[nodiscard]] int64_t judging_oracles() const { return config_.ensembles.oracle_models / 2; }
  /// (No, m) margins of the oracles that judge a forget set's models, in nats.
  [[nodiscard]] torch::Tensor judging_margins(const ForgetSet& set) const;
  /// What full model `row` is brought to: its own logits plus the shift (m, C), or the logits of
  /// oracle `row` of those that do not judge. Both (m, C) float32.
  [[nodiscard]] std::function<torch::Tensor(int64_t row)> predicted_targets(
      const torch::Tensor& shift) const;
  [[nodiscard]] std::function<torch::Tensor(int64_t row)> oracle_targets_of(
      const ForgetSet& set) const;
  /// Sample gradients of one training on all of S.
  [[nodiscard]] double training_cost() const;

 private:
  void check_belongs(const EnsembleStore& store) const;

  RunConfig config_;
  std::filesystem::path folder_;
  int64_t workers_;
  ProgressSink* progress_;
  DataSplit data_;
  Problem problem_;
  Problem computing_;
  std::vector<ForgetSet> forget_sets_;
};

}  // namespace expunge
