#include "expunge/core/blas.h"

#include <dlfcn.h>

namespace expunge {
namespace {

template <class F>
F symbol(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_DEFAULT, name));
}

// The newest of OpenBLAS's core types that this CPU has the instructions for.
std::string core_type_of_cpu() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
    return "SkylakeX";
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return "";
}

}  // namespace

BlasDescription describe_blas() {
  BlasDescription blas;
  blas.name = "unknown";
  Dl_info info{};
  void* sgemm = ::dlsym(RTLD_DEFAULT, "sgemm_");
  if (sgemm != nullptr && ::dladdr(sgemm, &info) != 0 && info.dli_fname != nullptr)
    blas.library = info.dli_fname;

  if (const auto core_name = symbol<char* (*)()>("openblas_get_corename")) {
    blas.name = "OpenBLAS";
    blas.core = core_name();
    const auto parallel = symbol<int (*)()>("openblas_get_parallel");
    const auto threads = symbol<int (*)()>("openblas_get_num_threads");
    // 0: sequential, 1: a pool of its own, 2: OpenMP, which obeys LibTorch's setting.
    blas.has_own_threads =
        parallel != nullptr && threads != nullptr && parallel() == 1 && threads() > 1;
    const auto config = symbol<char* (*)()>("openblas_get_config");
    blas.is_thread_safe =
        (parallel != nullptr && parallel() != 0) ||
        (config != nullptr && std::string(config()).find("USE_LOCKING") != std::string::npos);
    const auto best = core_type_of_cpu();
    const bool is_old = blas.core == "Prescott" || blas.core == "Core2" || blas.core == "Nehalem" ||
                        blas.core == "Katmai" || blas.core == "Generic";
    if (is_old && !best.empty()) blas.better_core_type = best;
  } else if (const auto arch = symbol<int (*)()>("bli_arch_query_id")) {
    blas.name = "BLIS";
    if (const auto text = symbol<const char* (*)(int)>("bli_arch_string")) blas.core = text(arch());
  } else if (symbol<void*>("mkl_get_version") != nullptr ||
             blas.library.find("torch") != std::string::npos) {
    blas.name = "MKL";
  } else if (blas.library.find("/blas/") != std::string::npos) {
    blas.name = "reference BLAS";
  }
  return blas;
}

BlasTurn::BlasTurn() {
  static const bool free_for_all = describe_blas().is_thread_safe;
  static std::recursive_mutex turn;
  if (!free_for_all) lock_ = std::unique_lock(turn);
}

}  // namespace expunge
