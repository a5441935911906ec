// Images for benchmarks that need no data set.
#pragma once

#include <cstdint>

#include "expunge/core/random.h"
#include "expunge/data/dataset.h"

namespace expunge {

// (count, 3, side, side) uint8 of ten classes in turn, whose pixels are noise about a mean of their class and place.
inline Dataset made_up_images(int64_t count, uint64_t seed, int64_t side = 32) {
  const int64_t pixels = 3 * side * side;
  Dataset data;
  data.name = "made up";
  for (int c = 0; c < 10; ++c) data.class_names.push_back(fmt::format("{}", c));
  data.images = torch::empty({count, 3, side, side}, torch::kUInt8);
  data.labels = torch::empty({count}, torch::kInt64);
  CounterRng rng(seed);
  auto* pixel = data.images.data_ptr<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = i % 10;
    data.labels.data_ptr<int64_t>()[i] = label;
    for (int64_t k = 0; k < pixels; k += 4) {
      const uint32_t noise = rng.next32();
      for (int64_t j = 0; j < 4; ++j) {
        const auto mean = static_cast<uint32_t>((k / 64 * 7 + label * 37) % 64);
        *pixel++ = static_cast<uint8_t>(((noise >> (8 * j)) & 0xffU) * 3 / 4 + mean);
      }
    }
  }
  return data;
}

}  // namespace expunge
