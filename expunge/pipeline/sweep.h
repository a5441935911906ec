// Running a sweep in an experiment's folder, and what its cells measure.
//
//   OUT/sweep/<set>/<method>-<16 hex digits>/   a cell's store (pipeline/unlearned_store.h); the
//                                               digits are a digest of all its options
//   OUT/sweep/<set>/<...>/diverged.txt          instead of a finished store: the model and the step
//
// A cell that is finished, or has diverged, is never run again, whichever sweep asks for it.
#pragma once

#include "expunge/evaluate/ulira.h"
#include "expunge/pipeline/planned_stores.h"
#include "expunge/pipeline/sweep_config.h"
#include "expunge/report/figure_data.h"
#include "expunge/report/report_data.h"
#include "expunge/report/text_table.h"

namespace expunge {

/// Mean cross-entropy over a group's points and the models, nats.
struct GroupLosses {
  double forget = 0;
  double retain = 0;
  double validation = 0;
};

/// Mean cross-entropy over groups of margins (N, m): log(1 + exp(-margin)), as the margin is the
/// log-odds of the label.
GroupLosses mean_losses(const torch::Tensor& margins, int64_t n, std::span<const int64_t> forget);

/// What a cell's method is to the plots.
MethodRole role_of(const SweepCell& cell);

/// One cell on one forget set. Without numbers where it diverged.
struct CellResult {
  std::string forget_set;
  SweepCell cell;
  MethodRole role = MethodRole::baseline;
  int64_t subset_models = 0;  // that its predictions were fitted on; 0 where it follows none
  std::string diverged;       // which model and step; empty where all models are finite
  double sample_gradients = 0;
  double cost_share = 0;  // of one training
  double seconds = 0;     // a model's, on one thread
  KlomSummary klom;       // against the judging oracles, without intervals
  GroupLosses losses;
  UliraScores scores;  // of the attack on the forget set's points
  UliraResult attack;
  bool best_by_oracles = false;
  bool best_without_oracles = false;

  /// Mean of the three groups' P95: the paper's summary of a method.
  [[nodiscard]] double average() const {
    return (klom.forget.p95 + klom.retain.p95 + klom.validation.p95) / 3;
  }
};

/// Trains and predicts what the sweep's datamodels need, then fills all cells.
void run_sweep(const Experiment& experiment, const SweepConfig& sweep);

/// The last part of it alone; of a share, those rows of all cells that it holds.
void run_cells(const Experiment& experiment, const SweepConfig& sweep, RowShare share = {});

/// The store of a cell that is no prediction, for the forget set of that name.
PlannedStore cell_store(const RunConfig& config, const std::string& set, const SweepCell& cell,
                        const SweepConfig& sweep);

/// The store of a cell; InputError if it is not finished.
EnsembleStore open_cell(const Experiment& experiment, const ForgetSet& set, const SweepCell& cell,
                        const SweepConfig& sweep);

/// Measures all cells of a finished sweep, for each forget set after "do nothing" and "retraining",
/// and marks, for each method on each forget set,
///   best_by_oracles       the least average KLoM: known only to whoever has the oracles
///   best_without_oracles  what a user can choose by: the least
///       |L_F - L_V'| + |L_R - L_R full| + |L_V - L_V full|,
///     L mean losses of the cell's models, `full` those of the full models, and L_V' the full models'
///     loss on validation points, each class weighted as in F: examples that were never seen.
std::vector<CellResult> sweep_results(const Experiment& experiment, const SweepConfig& sweep);

/// One line a forget set and cell, all digits.
std::string sweep_csv(const std::vector<CellResult>& results);
std::string sweep_json(const std::vector<CellResult>& results);
/// To be read: for each method of a forget set its best cell, by either choice.
TextTable sweep_table(const std::vector<CellResult>& results, const std::string& forget_set);
/// A forget set's cells as the plots take them, without those that diverged.
FrontierPanelSet frontier_of(const ForgetSet& set, const std::vector<CellResult>& results);
/// An SVG file: KLoM's P95 against cost, on average and over each group.
std::string sweep_picture(const ForgetSet& set, const std::vector<CellResult>& results);

}  // namespace expunge
