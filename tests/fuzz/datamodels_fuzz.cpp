// Another package's store: masks, logits, margins, which rows are there.
#include "expunge/exchange/datamodels_store.h"
#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto parts = fuzz::parts_of(fuzz::text_of(data, size), 4);
  scratch.put("source/masks.npy", parts[0]);
  scratch.put("source/logits.npy", parts[1] && !parts[1]->empty() ? parts[1] : std::nullopt);
  scratch.put("source/margins.npy", parts[2] && !parts[2]->empty() ? parts[2] : std::nullopt);
  scratch.put("source/_completed.npy", parts[3]);
  const auto out = scratch.fresh_folder("out");
  fuzz::reading([&] { import_datamodels(datamodels_source(scratch.folder() / "source"), out); });
  return 0;
}
