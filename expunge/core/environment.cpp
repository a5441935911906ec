#include "expunge/core/environment.h"

#include <fmt/format.h>
#include <torch/version.h>

#include <fstream>

#include "expunge/core/blas.h"
#include "expunge/core/gemm.h"
#include "expunge/core/worker_pool.h"

namespace expunge {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string instruction_set() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return "AVX-512";
  if (__builtin_cpu_supports("avx2")) return "AVX2";
  return "SSE2";
#elif defined(__aarch64__)
  return "AArch64";
#else
  return "unknown";
#endif
}

std::vector<std::pair<std::string, std::string>> describe_environment() {
  const auto blas = describe_blas();
  return {{"expunge", EXPUNGE_VERSION},
          {"LibTorch",
           fmt::format("{}.{}.{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH)},
          {"matrix products", gemm_library()},
          {"BLAS", blas.core.empty() ? blas.name : fmt::format("{} ({})", blas.name, blas.core)},
          {"processor", cpu_name()},
          {"instruction set", instruction_set()},
          {"processors", fmt::format("{}", worker_count())}};
}

}  // namespace expunge
