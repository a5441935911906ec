#include "expunge/pipeline/sweep_config.h"
#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto path = scratch.put("sweep.toml", fuzz::text_of(data, size));
  fuzz::reading([&] {
    const auto config = read_sweep_config(path);
    for (const auto& cell : config.cells) fuzz::touch(cell.varied);
  });
  return 0;
}
