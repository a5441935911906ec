// Images brought to mean 0 and standard deviation 1, channel by channel.
#pragma once

#include <torch/types.h>

#include <functional>
#include <initializer_list>
#include <vector>

#include "expunge/data/dataset.h"

namespace expunge {

/// Of pixels divided by 255 where they are uint8, of the values themselves where they are float32.
struct Normalisation {
  std::vector<float> mean;    // (C)
  std::vector<float> stddev;  // (C), 1 for a channel that does not vary
};

/// Over all images and pixels, in float64. Holds no copy of the images.
Normalisation normalisation_of(const Dataset& train);

/// (x - mean) / stddev of the images of several sets of one size, one set after the other: (m, C, H, W) float32,
/// channels last in memory. Nothing of that size is held beside it. InputError if the channels differ.
torch::Tensor normalised(std::initializer_list<std::reference_wrapper<const Dataset>> sets,
                         const Normalisation& normalisation);

}  // namespace expunge
