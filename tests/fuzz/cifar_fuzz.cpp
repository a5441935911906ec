// Class names and one file of records, which stands for all of them; as CIFAR-10 and as CIFAR-100.
#include "expunge/data/cifar_binary.h"
#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  [[maybe_unused]] static const bool linked = [] {
    for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                             "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin", "test.bin"})
      std::filesystem::create_symlink("train.bin", scratch.folder() / name);
    std::filesystem::create_symlink("batches.meta.txt", scratch.folder() / "fine_label_names.txt");
    return true;
  }();
  const auto parts = fuzz::parts_of(fuzz::text_of(data, size), 2);
  scratch.put("batches.meta.txt", parts[0]);
  scratch.put("train.bin", parts[1]);
  for (const auto read : {read_cifar10, read_cifar100}) {
    fuzz::reading([&] {
      const auto split = read(scratch.folder());
      fuzz::touch(split.train.images);
      fuzz::touch(split.validation.labels);
    });
  }
  return 0;
}
