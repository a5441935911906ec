// The tangent kernel of an experiment's full models.
//
//   OUT/kernel.npy    (m, n) float32
#pragma once

#include <optional>
#include <string>

#include "expunge/attribution/attribution_options.h"
#include "expunge/attribution/carried_effects.h"
#include "expunge/pipeline/experiment.h"

namespace expunge {

/// Mean over the first 8 full models (all, where there are fewer) of their tangent kernels
/// (gradients/tangent_kernel.h); computed once, then read. Progress is told as "kernel", a model at a time.
/// InputError if full models are missing, or the file is not sound.
torch::Tensor network_kernel(const Experiment& experiment);

/// What `estimator = "carried"` needs beside subset models: own effects carried over by that kernel.
CarriedEffects carried_effects(const Experiment& experiment);

/// Examples up to which it is had without being asked for: it takes n^2 float64.
inline constexpr int64_t kMostKernelExamples = 10000;

/// Why that is not to be had without being asked for: more training examples than that, a TorchScript network, or full
/// models whose weights were not kept. Empty where it is.
std::string kernel_missing(const Experiment& experiment);

/// What the estimator uses of it: carried_effects() for Estimator::carried, and for Estimator::automatic
/// unless kernel_missing(); else nothing. Throws as carried_effects() does.
std::optional<CarriedEffects> carried_effects_for(const Experiment& experiment,
                                                  Estimator estimator);

}  // namespace expunge
