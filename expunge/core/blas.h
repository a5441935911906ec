// Which BLAS this process has, and whether it runs at the speed of the machine.
#pragma once

#include <mutex>
#include <string>

namespace expunge {

struct BlasDescription {
  std::string library;           // file that sgemm_ comes from
  std::string name;              // "OpenBLAS", "BLIS", "MKL", "reference BLAS", or "unknown"
  std::string core;              // the kernels it chose, e.g. "SkylakeX"; empty if it does not say
  bool has_own_threads = false;  // OpenBLAS with a pool of its own, more than one thread
  std::string better_core_type;  // OPENBLAS_CORETYPE for this CPU, if `core` is too old for it
  bool is_thread_safe = true;    // whether two threads may call it at once
};

BlasDescription describe_blas();

/// Held around calls of BLAS and LAPACK, LibTorch's linear algebra included, in tasks of
/// parallel_for(). An OpenBLAS built for one thread, as Debian's libopenblas0-serial is, takes no
/// locks: two threads that call it at once are given the same work space now and then, and both
/// results are wrong without a word. There the turns are taken one at a time; with any other BLAS
/// this does nothing. A thread may hold several.
class BlasTurn {
 public:
  BlasTurn();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

}  // namespace expunge
