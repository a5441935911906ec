// Stored numbers as float32, checked on the way.
#pragma once

#include <cstdint>

namespace expunge {

/// Writes `count` numbers of `from` to `to`. False if one of them is NaN or infinite; what is
/// written for these is unspecified.
bool to_floats(const float* from, int64_t count, float* to);
/// The same from IEEE half precision, given as bits.
bool to_floats(const uint16_t* from, int64_t count, float* to);
/// 0 and 1; always true.
bool to_floats(const bool* from, int64_t count, float* to);

}  // namespace expunge
