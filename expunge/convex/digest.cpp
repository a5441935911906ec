#include "expunge/convex/digest.h"

#include <array>

#include "expunge/core/fnv1a.h"

namespace expunge {

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
