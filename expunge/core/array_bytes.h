// Checks that readers of array files share: the files may be hostile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace expunge {

/// More dimensions than any array has that NumPy can make.
inline constexpr size_t most_dimensions = 64;

/// Bytes of an array of that shape, nullopt if no file can be that large. Sizes of 0 count as 1
/// there, because the strides of an empty array must fit into int64 too.
inline std::optional<size_t> array_bytes(const std::vector<int64_t>& shape, size_t element_size) {
  int64_t bytes = static_cast<int64_t>(element_size);
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    empty = empty || size == 0;
    if (__builtin_mul_overflow(bytes, size == 0 ? 1 : size, &bytes)) return std::nullopt;
  }
  return empty ? 0 : static_cast<size_t>(bytes);
}

/// Position of the first byte that is neither 0 nor 1: a bool must not hold it.
inline std::optional<size_t> find_no_bool(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (static_cast<unsigned char>(bytes[i]) > 1) return i;
  }
  return std::nullopt;
}

}  // namespace expunge
