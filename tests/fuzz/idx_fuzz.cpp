// Images and labels, plain or compressed.
#include "expunge/data/idx.h"

#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto parts = fuzz::parts_of(fuzz::text_of(data, size), 2);
  scratch.put("train-images-idx3-ubyte", parts[0]);
  scratch.put("train-labels-idx1-ubyte", parts[1]);
  fuzz::reading([&] {
    const auto read = read_idx(scratch.folder(), "train");
    fuzz::touch(read.images);
    fuzz::touch(read.labels);
  });
  return 0;
}
