// Fitting datamodels to a store of subset models, and the shifts that they predict for an
// experiment's forget sets. An experiment has its own; a sweep may add others, whose names stand
// behind an @ (no forget set's name has one):
//
//   OUT/subset[@NAME]/              the subset models
//   OUT/shift-<set>[@NAME].npy      (m, C) float32 predicted removal shift
//   OUT/attribution[@NAME].json     the estimator's options, the penalty, and how it was chosen
#pragma once

#include <string>

#include "expunge/pipeline/experiment.h"

namespace expunge {

/// Datamodels beside the experiment's own.
struct DatamodelsConfig {
  std::string name;
  int64_t subset_models = 100;  // 0: the experiment's own, and their masks
  MaskOptions masks;
  AttributionOptions attribution;

  void validate() const;
};
OptionGroup options_of(DatamodelsConfig& options);

/// Fits to the store's models and writes each forget set's shift and the record. `name` is empty for
/// the experiment's own.
void predict_shifts(const Experiment& experiment, const EnsembleStore& subset,
                    const AttributionOptions& attribution, const std::string& name);

/// Whether predict_shifts() with these options has left all that it writes.
bool is_predicted(const Experiment& experiment, const AttributionOptions& attribution,
                  const std::string& name);

/// (m, C) float32 shift of a forget set; InputError names what makes it if it is not there, and says
/// what does not fit.
torch::Tensor read_shift(const Experiment& experiment, const ForgetSet& set,
                         const std::string& name);

/// Trains the subset models of OUT/subset@<name>, as far as they are missing; the experiment's own, of its
/// own masks, where `models` is 0.
EnsembleStore train_subset_models(const Experiment& experiment, const std::string& name,
                                  int64_t models, const MaskOptions& masks,
                                  const RowShare& share = {});

/// Trains the subset models of other datamodels, as far as they are missing, and predicts their
/// shifts unless that is done.
void make_datamodels(const Experiment& experiment, const DatamodelsConfig& config);

}  // namespace expunge
