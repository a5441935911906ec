#include "expunge/attribution/add_scaled.h"

#include "expunge/core/simd.h"

namespace expunge {

EXPUNGE_VECTOR_CLONES
void add_scaled(float scale, const float* values, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] += scale * values[i];
}

}  // namespace expunge
