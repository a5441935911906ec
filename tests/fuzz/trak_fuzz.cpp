// Another package's scores: experiments.json, metadata.json, the scores.
#include "expunge/exchange/trak_scores.h"
#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto parts = fuzz::parts_of(fuzz::text_of(data, size), 3);
  scratch.put("source/experiments.json", parts[0]);
  scratch.put("source/metadata.json", parts[1]);
  scratch.put("source/scores/a.mmap", parts[2]);
  for (const char* experiment : {"a", ""}) {
    fuzz::reading([&] {
      import_trak_scores(scratch.folder() / "source", experiment, scratch.folder() / "out.npy");
    });
  }
  return 0;
}
