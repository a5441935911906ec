// Which BLAS this process has, and whether it runs at the speed of the machine.
#pragma once

#include <string>

namespace expunge {

struct BlasDescription {
  std::string library;           // file that sgemm_ comes from
  std::string name;              // "OpenBLAS", "BLIS", "MKL", "reference BLAS", or "unknown"
  std::string core;              // the kernels it chose, e.g. "SkylakeX"; empty if it does not say
  bool has_own_threads = false;  // OpenBLAS with a pool of its own, more than one thread
  std::string better_core_type;  // OPENBLAS_CORETYPE for this CPU, if `core` is too old for it
};

BlasDescription describe_blas();

}  // namespace expunge
