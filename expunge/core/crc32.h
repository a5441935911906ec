// The checksum of files: CRC-32 as zlib has it (ISO 3309). It finds damage, not forgery.
#pragma once

#include <cstddef>
#include <cstdint>

namespace expunge {

/// Going on from `before`: of bytes in two parts as of all at once.
uint32_t crc32_of(const void* bytes, size_t count, uint32_t before = 0);

}  // namespace expunge
