#include "startup.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "expunge/core/blas.h"

namespace expunge::app {

// NOLINTBEGIN(concurrency-mt-unsafe): no other thread has begun
void prepare_process(char** argv) {
  constexpr const char* once = "EXPUNGE_RESTARTED";
  if (std::getenv(once) != nullptr) return;
  const auto blas = describe_blas();
  bool restart = false;
  if (blas.has_own_threads && std::getenv("OPENBLAS_NUM_THREADS") == nullptr) {
    ::setenv("OPENBLAS_NUM_THREADS", "1", 0);
    restart = true;
  }
  if (!blas.better_core_type.empty() && std::getenv("OPENBLAS_CORETYPE") == nullptr) {
    ::setenv("OPENBLAS_CORETYPE", blas.better_core_type.c_str(), 0);
    restart = true;
  }
  if (!restart) return;
  ::setenv(once, "1", 1);
  ::execv("/proc/self/exe", argv);
  // Where that is not possible the program goes on, slower; `expunge doctor` says so.
}
// NOLINTEND(concurrency-mt-unsafe)

}  // namespace expunge::app
