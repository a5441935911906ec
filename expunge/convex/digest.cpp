#include "expunge/convex/digest.h"

#include <array>

namespace expunge {

uint64_t fnv1a(const void* bytes, size_t count, uint64_t digest) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (size_t i = 0; i < count; ++i) digest = (digest ^ at[i]) * 0x100000001b3ULL;
  return digest;
}

uint64_t digest_of(const Table& table) {
  const std::array<int64_t, 3> shape = {table.size(), table.features(), table.outputs()};
  uint64_t digest = fnv1a(shape.data(), sizeof(shape));
  for (const auto* part : {&table.x, &table.y, &table.weights}) {
    if (!part->defined()) continue;
    const auto values = part->contiguous();
    digest = fnv1a(values.data_ptr(), values.nbytes(), digest);
  }
  return digest;
}

}  // namespace expunge
