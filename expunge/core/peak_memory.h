// How much memory this process has taken.
#pragma once

#include <cstdint>

namespace expunge {

/// Bytes: the most resident memory that this process has held so far, mapped files included.
int64_t peak_memory();

}  // namespace expunge
