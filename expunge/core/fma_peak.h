// The rate that no matrix product can pass: what timings are a share of.
#pragma once

#include <cstdint>

namespace expunge {

/// Measured peak rate of `threads` threads together in GFLOP/s (10^9 float32 operations a second, a
/// fused multiply-add counted as two): every thread runs multiply-adds on registers alone, of the
/// widest vectors that this CPU has, all of them started at once. The best of several stretches of
/// some milliseconds, less than 0.1 s in all. It is the rate of this moment: clocks change with load
/// and temperature, and hyperthreads share one core's units, so that two may be no faster than one.
///
/// threads must be positive, else Error.
double fma_peak(int64_t threads);

}  // namespace expunge
