#include "expunge/core/safetensors.h"

#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto path = scratch.put("weights.safetensors", fuzz::text_of(data, size));
  fuzz::reading([&] {
    const auto file = read_safetensors(path);
    for (const auto& [name, tensor] : file.tensors) fuzz::touch(tensor);
  });
  return 0;
}
