// The linear datamodelling score of an experiment's attributors, on subset models held out for it.
//
//   OUT/held-out/         subset models of masks and seeds of their own
//   OUT/held-out-again/   the same masks, trained with other seeds: what nobody can predict
//   OUT/lds.csv           a line an attributor and kind of points
//
// An attributor is judged as dm-direct is used: predicted margins are those of the full models' mean logits
// plus the removal shift of what a held-out model left out, against that model's margins.
#pragma once

#include <string>
#include <vector>

#include "expunge/evaluate/lds.h"
#include "expunge/pipeline/datamodels.h"
#include "expunge/report/text_table.h"

namespace expunge {

struct AttributorLds {
  std::string name;      // of the [[datamodels]]; the experiment's own come first, without one
  LdsResult training;    // over S
  LdsResult validation;  // over V
};

struct ExperimentLds {
  int64_t models = 0;  // held out
  std::vector<AttributorLds> attributors;
  AttributorLds again;  // the second training against the first; the ceiling by lds_ceiling()
};

/// Trains what is missing (the experiment's subset and full models, other datamodels' subset models, twice
/// `models` held-out ones) and fits each attributor. Held-out masks have the experiment's alpha and
/// scheme. OptionError for fewer than 8 models, and what training and fitting throw.
ExperimentLds experiment_lds(const Experiment& experiment,
                             const std::vector<DatamodelsConfig>& datamodels, int64_t models,
                             const LdsOptions& options);

/// To be read: Spearman over validation points and over training examples, with intervals.
TextTable lds_table(const ExperimentLds& result);
/// attributor (the experiment's own: experiment), points (training or validation), spearman, low, high, pearson, low, high: all digits.
std::string lds_csv(const ExperimentLds& result);

}  // namespace expunge
