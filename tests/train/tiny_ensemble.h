// An ensemble of models of the tiny problem.
#pragma once

#include "expunge/train/ensemble.h"
#include "train/tiny_problem.h"

namespace expunge {

inline EnsembleSpec tiny_spec(int64_t models) {
  EnsembleSpec spec;
  spec.name = "subset";
  spec.models = models;
  spec.seed = 3;
  spec.masks = MaskOptions{};
  spec.weights = true;
  return spec;
}

}  // namespace expunge
