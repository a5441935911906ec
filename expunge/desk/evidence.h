// What a desk computes with: the examples, and what removals are predicted from.
//
//   DESK/data/       train_images.npy, train_labels.npy, val_images.npy, val_labels.npy, class_names.txt
//   DESK/evidence/   masks.npy (N, n) bool, subset_logits.npy (N, m, C), full_logits.npy (Nf, m, C),
//                    held_out.npy (N, m) float32 (pipeline/held_out_margins.h), original_logits.npy (m, C)
//                    float32, factors/ (SubsetDatamodels::save), and with estimator = "carried" kernel.npy (m, n)
//
// Removed means removed: pixels, label and every model's outputs on a removed example are overwritten with 0 in all
// of these, and nobody reads them afterwards: later steps see a LiveProblem, in which removed examples have no row.
// What is fitted is fitted once, when the desk is made, and kept: the effects of removed examples on themselves (C
// numbers each), their columns of the masks and their rows and columns of the kernel are what the removal of all of
// them together is predicted from.
//
// Legend: n training examples, m evaluation points (training first), N subset models, Nf full models, C classes.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "expunge/attribution/carried_effects.h"
#include "expunge/desk/desk_folder.h"
#include "expunge/pipeline/experiment.h"

namespace expunge::desk {

struct Evidence {
  torch::Tensor masks;            // (N, n) bool
  torch::Tensor subset_logits;    // (N, m, C) float16 or float32, mapped
  torch::Tensor full_logits;      // (Nf, m, C) likewise
  torch::Tensor held_out;         // (N, m) float32, NaN where the model saw the point
  torch::Tensor original_logits;  // (m, C) float32
};

/// Parts that the subset models are held out in for `held_out`.
int64_t forecast_folds(const Evidence& evidence);

/// The attributor that was fitted when the desk was made. Its predictions hold for points that are not removed.
struct FrozenAttributor {
  SubsetDatamodels datamodels;
  std::optional<CarriedEffects> carried;

  /// (m, C) float32, in logits: the shift if all of `removal` goes.
  [[nodiscard]] torch::Tensor shift(std::span<const int64_t> removal) const;
};

struct FittedEvidence {
  Evidence evidence;
  FrozenAttributor attributor;
};
/// From an experiment's stores, with everything that is fitted. `model`: the full model that examples will be removed
/// from. InputError if subset or full models are not there, or too few for a forecast (check_forecast_models);
/// OptionError for an estimator other than auto, ridge and carried, and for a model that is not there.
FittedEvidence fit_evidence(const Experiment& experiment, int64_t model);
/// Writes it, and the experiment's data.
void write_evidence(const Experiment& experiment, const FittedEvidence& fitted,
                    const DeskFolder& folder);

/// Reads it. InputError for what is not there or does not fit together.
Evidence read_evidence(const DeskFolder& folder);
FrozenAttributor read_attributor(const DeskFolder& folder, const Evidence& evidence,
                                 AttributionOptions options, int64_t workers);

/// The data without removed examples, which are not even read into it.
struct LiveProblem {
  Problem problem;              // n' training examples in the order of S, then V
  std::vector<int64_t> points;  // (m') the evaluation point that each of its points is

  /// The places, in `problem`, of examples of S; InputError if one is removed or out of range.
  [[nodiscard]] std::vector<int64_t> places(std::span<const int64_t> examples) const;
  /// Rows `points` of dimension `dim`, of m or, where the array is about examples alone, n.
  [[nodiscard]] torch::Tensor rows_of(const torch::Tensor& array, int64_t dim) const;
};
/// `removed`: increasing. Inputs are normalised as the model's were, whatever has been removed since.
LiveProblem live_problem(const DataSplit& data, const Normalisation& normalisation,
                         std::span<const int64_t> removed);

/// Overwrites with 0 what DESK/data and DESK/evidence hold of the examples. Every file is old or new as a whole,
/// and doing it again changes nothing.
void erase_examples(const DeskFolder& folder, std::span<const int64_t> examples);
/// The first of the examples of which pixels, label or outputs are still there.
std::optional<int64_t> find_unerased(const DeskFolder& folder, std::span<const int64_t> examples);

}  // namespace expunge::desk
