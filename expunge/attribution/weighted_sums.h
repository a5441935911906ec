// Weighted sums of the rows of a large array, in one pass over it.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace expunge {

/// weights (K, N) float32 times rows (N, ...) of bool, float16 or float32, contiguous: (K, ...)
/// float32, summed in float32. Reads each row once for every K, block by block, so that `rows` may
/// be mapped from a file larger than memory; converts as it goes and holds no copy.
///
/// NonFiniteError, beginning with `what`, names row and position of the first value of `rows` that
/// is not finite.
torch::Tensor weighted_sums(const torch::Tensor& weights, const torch::Tensor& rows,
                            const char* what, int64_t workers = 0);

/// One row's values begin ... begin + count as float32, for the same dtypes. False if one of them is
/// not finite.
bool read_values(const torch::Tensor& rows, int64_t row, int64_t begin, int64_t count, float* to);

}  // namespace expunge
