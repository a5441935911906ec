#include "expunge/core/npy.h"

#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto path = scratch.put("array.npy", fuzz::text_of(data, size));
  fuzz::reading([&] { fuzz::touch(map_npy(path)); });
  fuzz::reading([&] { fuzz::touch(read_npy(path)); });
  return 0;
}
