// A store: what it is, a shard, and the arrays.
#include "expunge/train/ensemble_store.h"
#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto parts = fuzz::parts_of(fuzz::text_of(data, size), 5);
  scratch.put("store/ensemble.json", parts[0]);
  scratch.put("store/shards/a.shard", parts[1]);
  scratch.put("store/masks.npy", parts[2]);
  scratch.put("store/logits.npy", parts[3]);
  scratch.put("store/_completed.npy", parts[4]);
  fuzz::reading([&] {
    const auto store = EnsembleStore::open(scratch.folder() / "store");
    if (store.description().models > 100'000) return;  // sound, but a tenth of a second each
    fuzz::reading([&] { std::ignore = store.listed(); });
    fuzz::reading([&] { std::ignore = store.is_complete(); });
    fuzz::reading([&] { fuzz::touch(store.masks()); });
    fuzz::reading([&] { fuzz::touch(store.logits()); });
    fuzz::reading([&] { std::ignore = store.model(0); });
  });
  return 0;
}
