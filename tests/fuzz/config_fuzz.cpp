// A configuration that is read is written and read again: the same must come out.
#include "expunge/pipeline/run_config.h"
#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto path = scratch.put("config.toml", fuzz::text_of(data, size));
  std::string written;
  fuzz::reading([&] { written = to_toml(read_run_config(path), /*comments=*/true); });
  if (written.empty()) return 0;
  scratch.put("config.toml", written);
  try {
    const auto again = to_toml(read_run_config(path), /*comments=*/true);
    if (again != written) fuzz::broken("two configurations:\n" + written + "\n" + again);
  } catch (const Error& error) {
    fuzz::broken("a configuration that was written is refused: " + std::string(error.what()));
  }
  return 0;
}
