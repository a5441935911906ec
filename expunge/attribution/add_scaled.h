// to += scale * values, on the calling thread.
#pragma once

#include <cstdint>

namespace expunge {

/// to[i] += scale * values[i] for i < count; the two must not overlap.
void add_scaled(float scale, const float* values, int64_t count, float* to);

}  // namespace expunge
