// Matrix product at the machine's full rate in single precision, whatever BLAS is installed.
// On other devices LibTorch's.
#pragma once

#include <torch/types.h>

namespace expunge {

/// out = alpha * op(a) * op(b) + beta * out, op(x) = x or its transpose.
///
/// a, b, out: matrices on one device, all float32 (on the CPU oneDNN) or all float64 (LibTorch's), with unit stride
/// along rows (stride(1) == 1); a row may be longer than the matrix is wide (stride(0) >= size(1)).
/// Shapes: op(a) (m, k), op(b) (k, n), out (m, n), any of which may be 0; a mismatch throws Error.
/// out must share no memory with a or b. With beta = 0 what was in out does not matter, NaN
/// included. Runs on the calling thread's OpenMP threads, which is one thread in a task of
/// parallel_for(). Writes no temporary.
void gemm(const torch::Tensor& a, bool transpose_a, const torch::Tensor& b, bool transpose_b,
          torch::Tensor& out, double alpha = 1, double beta = 0);

/// op(a) * op(b) in memory of its own.
torch::Tensor product(const torch::Tensor& a, bool transpose_a, const torch::Tensor& b,
                      bool transpose_b);

/// The library that computes gemm(), for reports: "oneDNN 2.6.3" or "LibTorch".
const char* gemm_library();

}  // namespace expunge
