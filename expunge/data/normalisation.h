// Images brought to mean 0 and standard deviation 1, channel by channel.
#pragma once

#include <torch/types.h>

#include <vector>

#include "expunge/data/dataset.h"

namespace expunge {

/// Of pixels divided by 255 where they are uint8, of the values themselves where they are float32.
struct Normalisation {
  std::vector<float> mean;    // (C)
  std::vector<float> stddev;  // (C), 1 for a channel that does not vary
};

/// Over all images and pixels, in float64.
Normalisation normalisation_of(const Dataset& train);

/// (n, C, H, W) float32: (x - mean) / stddev. InputError if the channels differ.
torch::Tensor normalised(const Dataset& data, const Normalisation& normalisation);

}  // namespace expunge
