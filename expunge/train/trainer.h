// Training one model.
#pragma once

#include <torch/types.h>

#include <span>

#include "expunge/train/network.h"
#include "expunge/train/recipe.h"

namespace expunge {

/// Inputs and labels that models train on, shared by all workers.
struct TrainingData {
  torch::Tensor inputs;  // (n, C, H, W) float32, normalised, channels last in memory, on any device
  torch::Tensor labels;  // (n) int64, on the CPU
};

/// Trains a network, from the parameters that it has, on the examples `members` (indices into
/// `data`) by cross-entropy. The order of examples is drawn from `seed`, afresh each epoch.
/// NonFiniteError names the step at which the loss diverged. Computed on the network's device, step by
/// step; graph_training.h is the fast way on a CUDA device.
void train_network(Network& network, const TrainingData& data, std::span<const int64_t> members,
                   const Recipe& recipe, uint64_t seed);

/// Copies rows `indices` of inputs (n, ...) into `batch`, which is made anew if it has another
/// size; the memory format and the device are kept.
void gather_rows(const torch::Tensor& inputs, std::span<const int64_t> indices,
                 torch::Tensor& batch);

}  // namespace expunge
