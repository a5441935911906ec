#include "expunge/core/fma_peak.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <thread>
#include <vector>

#include "expunge/core/error.h"

namespace expunge {
namespace {

constexpr int kStretches = 10;
constexpr int64_t kChains = 12;  // at least latency (4 cycles) times units (2), within 16 registers

// `steps` multiply-adds on each of kChains vectors of kLanes floats, which the compiler keeps in
// registers; the sum is returned so that nothing can be left out.
template <class Vector>
[[gnu::always_inline]] inline float run_chains(int64_t steps, float factor, float addend) {
  Vector chains[kChains];
  Vector f = Vector{} + factor;
  Vector a = Vector{} + addend;
  for (auto& chain : chains) chain = a;
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (auto& chain : chains) chain = chain * f + a;
  }
  Vector sum{};
  for (const auto& chain : chains) sum += chain;
  return sum[0];
}

typedef float Vector4 __attribute__((vector_size(16)));
float run_baseline(int64_t steps, float factor, float addend) {
  return run_chains<Vector4>(steps, factor, addend);
}

struct Kernel {
  float (*run)(int64_t, float, float);
  int64_t lanes;
};

#if defined(__x86_64__)
typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector16 __attribute__((vector_size(64)));

__attribute__((target("avx2,fma"))) float run_avx2(int64_t steps, float factor, float addend) {
  return run_chains<Vector8>(steps, factor, addend);
}
__attribute__((target("avx512f"))) float run_avx512(int64_t steps, float factor, float addend) {
  return run_chains<Vector16>(steps, factor, addend);
}

Kernel widest_kernel() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return {run_avx512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {run_avx2, 8};
  return {run_baseline, 4};
}
#else
Kernel widest_kernel() {
  return {run_baseline, 4};
}
#endif

}  // namespace

double fma_peak(int64_t threads) {
  if (threads < 1) fail("fma_peak: at least 1 thread required, got {}", threads);
  using Clock = std::chrono::steady_clock;
  const Kernel kernel = widest_kernel();
  const int64_t steps = 1'000'000;  // 12 million multiply-adds: some milliseconds
  std::vector<Clock::time_point> begins(static_cast<size_t>(threads));
  std::vector<Clock::time_point> ends(static_cast<size_t>(threads));
  double best = 0;
  const double operations = 2.0 * static_cast<double>(steps * kChains * kernel.lanes * threads);
  // Runs on the last thread to arrive, after every stretch: the slowest decides.
  const auto judge = [&]() noexcept {
    if (ends[0] == Clock::time_point{}) return;
    const auto begin = *std::min_element(begins.begin(), begins.end());
    const auto end = *std::max_element(ends.begin(), ends.end());
    best = std::max(best, operations / std::chrono::duration<double>(end - begin).count() / 1e9);
  };
  std::barrier barrier(static_cast<std::ptrdiff_t>(threads), judge);
  {
    std::vector<std::jthread> pool;
    for (size_t t = 0; t < static_cast<size_t>(threads); ++t) {
      pool.emplace_back([&, t] {
        // Values stay near 1: no overflow, no denormal numbers.
        volatile float factor = 0.5F;
        volatile float sink = 0;
        for (int stretch = 0; stretch < kStretches; ++stretch) {
          barrier.arrive_and_wait();
          begins[t] = Clock::now();
          sink = sink + kernel.run(steps, factor, 0.5F);
          ends[t] = Clock::now();
        }
        barrier.arrive_and_wait();
      });
    }
  }
  return best;
}

}  // namespace expunge
