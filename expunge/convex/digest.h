// Numbers that tell whether data are the same: no defence against someone who means to deceive.
#pragma once

#include <cstddef>
#include <cstdint>

#include "expunge/convex/table.h"

namespace expunge {

/// FNV-1a of 64 bits, going on from `digest`.
uint64_t fnv1a(const void* bytes, size_t count, uint64_t digest = 0xcbf29ce484222325ULL);

/// Of a table's shape, features, targets and weights.
uint64_t digest_of(const Table& table);

}  // namespace expunge
