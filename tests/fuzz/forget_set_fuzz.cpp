// Lists of indices: forget sets, and the examples that a request to the desk names.
#include "expunge/data/forget_set.h"

#include "expunge/core/index_file.h"
#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto path = scratch.put("forget.txt", fuzz::text_of(data, size));
  fuzz::reading(
      [&] { read_indices(path, [](int64_t, const std::string& where) { fuzz::touch(where); }); });
  fuzz::reading([&] {
    const auto forget = read_forget_set(path, 100);
    fuzz::touch(forget_mask(forget, 100));
    if (retain_indices(forget, 100).size() + forget.size() != 100)
      fuzz::broken("forget and retain set are not the whole");
  });
  return 0;
}
