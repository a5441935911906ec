#include "expunge/train/model_file.h"
#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto path = scratch.put("model.safetensors", fuzz::text_of(data, size));
  fuzz::reading([&] {
    const auto model = read_model(path);
    for (const auto& [name, tensor] : model.network->state()) fuzz::touch(tensor);
  });
  return 0;
}
