#include "expunge/core/to_floats.h"

#include <bit>
#include <cmath>
#include <limits>

#include "expunge/core/simd.h"

namespace expunge {

EXPUNGE_VECTOR_CLONES
bool to_floats(const float* from, int64_t count, float* to) {
  uint32_t bad = 0;
  for (int64_t i = 0; i < count; ++i) {
    to[i] = from[i];
    bad |= static_cast<uint32_t>(!(std::abs(from[i]) <= std::numeric_limits<float>::max()));
  }
  return bad == 0;
}

// Shifted into a float's place, a half's exponent is too small by 127 - 15, which one product puts
// right for subnormal numbers too; it is exact, and written without branches so that it is
// vectorised on every CPU.
EXPUNGE_VECTOR_CLONES
bool to_floats(const uint16_t* from, int64_t count, float* to) {
  uint32_t bad = 0;
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t half = from[i];
    const float magnitude = std::bit_cast<float>((half & 0x7FFFU) << 13) * 0x1p112F;
    to[i] = std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | ((half & 0x8000U) << 16));
    bad |= static_cast<uint32_t>((half & 0x7C00U) == 0x7C00U);
  }
  return bad == 0;
}

EXPUNGE_VECTOR_CLONES
bool to_floats(const bool* from, int64_t count, float* to) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(from);
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(bytes[i]);
  return true;
}

}  // namespace expunge
