#include "doctor_measurements.h"

#include <ATen/ops/ones.h>

#include <chrono>

#include "expunge/core/fma_peak.h"
#include "expunge/core/gemm.h"
#include "expunge/core/worker_pool.h"

namespace expunge::app {
namespace {

// GFLOP/s of `workers` threads that multiply square matrices for `seconds`.
double gemm_rate(torch::ScalarType dtype, int64_t workers, double seconds) {
  constexpr int64_t size = 512;
  using Clock = std::chrono::steady_clock;
  std::atomic<int64_t> products{0};
  Clock::duration longest{};
  std::mutex mutex;
  parallel_for(workers, workers, [&](int64_t) {
    const auto a = torch::ones({size, size}, dtype);
    const auto b = torch::ones({size, size}, dtype);
    auto out = torch::ones({size, size}, dtype);
    gemm(a, false, b, false, out);  // compiles the kernel
    const auto start = Clock::now();
    while (std::chrono::duration<double>(Clock::now() - start).count() < seconds) {
      gemm(a, false, b, false, out);
      ++products;
    }
    const std::lock_guard lock(mutex);
    longest = std::max(longest, Clock::now() - start);
  });
  const double flops = 2.0 * size * size * size * static_cast<double>(products.load());
  return flops / std::chrono::duration<double>(longest).count() / 1e9;
}

}  // namespace

Measurements measure() {
  Measurements m;
  m.workers = worker_count();
  m.peak_one = fma_peak(1);
  m.peak_all = fma_peak(m.workers);
  m.gemm_one = gemm_rate(torch::kFloat32, 1, 0.1);
  m.gemm_all = gemm_rate(torch::kFloat32, m.workers, 0.1);
  m.gemm_double = gemm_rate(torch::kFloat64, 1, 0.1);
  return m;
}

}  // namespace expunge::app
