// The tangent kernel of an experiment's full models.
//
//   OUT/kernel.npy    (m, n) float32
#pragma once

#include "expunge/attribution/carried_effects.h"
#include "expunge/pipeline/experiment.h"

namespace expunge {

/// Mean over the first 8 full models (all, where there are fewer) of their tangent kernels
/// (gradients/tangent_kernel.h); computed once, then read. Progress is told as "kernel", a model at a time.
/// InputError if full models are missing, or the file is not sound.
torch::Tensor network_kernel(const Experiment& experiment);

/// What `estimator = "carried"` needs beside subset models: own effects carried over by that kernel.
CarriedEffects carried_effects(const Experiment& experiment);

}  // namespace expunge
