// Rows of booleans as bits, and how many two rows share.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace expunge {

/// R rows of a bool matrix, each padded with zeros to whole words.
struct BitRows {
  int64_t words = 0;  // of a row
  std::vector<uint64_t> bits;

  [[nodiscard]] const uint64_t* row(int64_t i) const { return bits.data() + i * words; }
};

/// rows (R, L) bool, of any strides.
BitRows pack_rows(const torch::Tensor& rows, int64_t workers = 0);

/// How many positions are set in both a and row i of b, for i = first ... last - 1: last - first
/// numbers into `counts`.
void common_bits(const uint64_t* a, const BitRows& b, int64_t first, int64_t last, int32_t* counts);
/// How many positions are set in both a and b.
int64_t common_bits(const uint64_t* a, const uint64_t* b, int64_t words);

}  // namespace expunge
