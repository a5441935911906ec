// A number that tells whether a table is the same.
#pragma once

#include <cstdint>

#include "expunge/convex/table.h"

namespace expunge {

/// fnv1a() of a table's shape, features, targets and weights.
uint64_t digest_of(const Table& table);

}  // namespace expunge
