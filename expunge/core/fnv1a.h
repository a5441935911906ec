// FNV-1a (Fowler, Noll, Vo): bytes as a number of 64 bits. It tells whether they are the same; it is no defence
// against someone who means to deceive.
#pragma once

#include <cstddef>
#include <cstdint>

namespace expunge {

/// Going on from `digest`: of bytes in two parts as of all at once.
inline uint64_t fnv1a(const void* bytes, size_t count, uint64_t digest = 0xcbf29ce484222325ULL) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (size_t i = 0; i < count; ++i) digest = (digest ^ at[i]) * 0x100000001b3ULL;
  return digest;
}

}  // namespace expunge
