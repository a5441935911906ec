#include "expunge/core/crc32.h"

#include <zlib.h>

namespace expunge {

uint32_t crc32_of(const void* bytes, size_t count, uint32_t before) {
  return static_cast<uint32_t>(::crc32_z(before, static_cast<const Bytef*>(bytes), count));
}

}  // namespace expunge
