// How fast a recipe trains on this machine, measured before anything long begins.
#pragma once

#include <cstdint>

#include "expunge/train/problem.h"
#include "expunge/train/recipe.h"

namespace expunge {

struct TrainingRate {
  double sample_gradients_a_second = 0;  // of all workers together
  double seconds = 0;                    // that the measurement took
};

/// Trains a few models of the recipe on the first two batches of the problem, `workers` at a time (0: one a
/// processor; on a CUDA device as many as it takes), into a folder that is removed, for a few seconds or until one
/// round is done. Throws as train_ensemble() does. Short trainings under-use caches and clocks: take it for right
/// within a third.
TrainingRate measure_training_rate(const Problem& problem, const Recipe& recipe, int64_t workers);

}  // namespace expunge
