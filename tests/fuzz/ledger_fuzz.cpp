// A desk's ledger, the SQLite file.
#include "expunge/desk/ledger.h"

#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto path = scratch.put("ledger.sqlite", fuzz::text_of(data, size));
  fuzz::reading([&] {
    const desk::Ledger ledger(path, /*write=*/false);
    fuzz::reading([&] { std::ignore = ledger.faults(); });
    fuzz::reading([&] { std::ignore = ledger.requests(); });
    fuzz::reading([&] { std::ignore = ledger.versions(); });
    fuzz::reading([&] { std::ignore = ledger.newest(); });
    fuzz::reading([&] { std::ignore = ledger.events(); });
    fuzz::reading([&] { std::ignore = ledger.removed_up_to(3); });
    fuzz::reading([&] { std::ignore = ledger.examples_of_key("a"); });
    fuzz::reading([&] { fuzz::touch(ledger.fact("id")); });
  });
  return 0;
}
