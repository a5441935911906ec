#include "expunge/core/peak_memory.h"

#include <sys/resource.h>

namespace expunge {

int64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{1024} * usage.ru_maxrss;
}

}  // namespace expunge
