// A data set and a recipe so small that a model trains in about a millisecond.
#pragma once

#include <torch/types.h>

#include <string>

#include "expunge/core/random.h"
#include "expunge/train/problem.h"
#include "expunge/train/recipe.h"

namespace expunge {

/// `count` images (channels, side, side) uint8 of 3 classes; the pixels of class c are c times 40
/// brighter.
inline Dataset tiny_dataset(int64_t count, uint64_t seed, int64_t channels = 1, int64_t side = 4) {
  CounterRng rng(seed);
  Dataset data;
  data.name = "tiny";
  data.class_names = {"a", "b", "c"};
  data.images = torch::empty({count, channels, side, side}, torch::kUInt8);
  data.labels = torch::empty({count}, torch::kInt64);
  auto* pixel = data.images.data_ptr<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    data.labels[i] = i % 3;
    for (int64_t k = 0; k < channels * side * side; ++k)
      *pixel++ = static_cast<uint8_t>(rng.below(100) + 40 * static_cast<uint64_t>(i % 3));
  }
  return data;
}

/// n = 40, m = 50.
inline DataSplit tiny_data(int64_t channels = 1, int64_t side = 4) {
  return {tiny_dataset(40, 1, channels, side), tiny_dataset(10, 2, channels, side)};
}

inline Problem tiny_problem() {
  return make_problem(tiny_data());
}

inline Recipe tiny_recipe() {
  Recipe recipe;
  recipe.network.hidden = {8};
  recipe.epochs = 2;
  recipe.batch_size = 10;
  return recipe;
}

}  // namespace expunge
