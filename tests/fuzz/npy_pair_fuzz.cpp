// Training images, training labels, validation images, validation labels, class names.
#include "expunge/data/npy_pair.h"

#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto parts = fuzz::parts_of(fuzz::text_of(data, size), 5);
  scratch.put("train_images.npy", parts[0]);
  scratch.put("train_labels.npy", parts[1]);
  scratch.put("val_images.npy", parts[2]);
  scratch.put("val_labels.npy", parts[3]);
  scratch.put("class_names.txt", parts[4]);
  fuzz::reading([&] {
    const auto split = read_npy_pairs(scratch.folder());
    fuzz::touch(split.train.images);
    fuzz::touch(split.validation.labels);
  });
  return 0;
}
