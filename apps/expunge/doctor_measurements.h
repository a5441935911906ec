// Speeds that `expunge doctor` shows.
#pragma once

#include <cstdint>

namespace expunge::app {

/// In GFLOP/s; "all" means with one thread of each worker at once.
struct Measurements {
  int64_t workers = 1;
  double peak_one = 0, peak_all = 0;  // fused multiply-adds in registers, float32
  double gemm_one = 0, gemm_all = 0;  // gemm() of 512 x 512 float32 matrices
  double gemm_double = 0;             // the same in float64, one thread
};

/// About half a second.
Measurements measure();

}  // namespace expunge::app
