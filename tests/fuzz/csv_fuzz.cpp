// Tables, and columns of users' keys.
#include "expunge/data/csv_table.h"

#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto path = scratch.put("table.csv", fuzz::text_of(data, size));
  for (const char* target : {"", "y"}) {
    fuzz::reading([&] {
      const auto table = read_csv_table(path, target);
      fuzz::touch(table.features);
      fuzz::touch(table.target_numbers);
      if (table.features.size(0) != std::ssize(table.target)) fuzz::broken("rows without a target");
    });
  }
  fuzz::reading([&] {
    for (const auto& key : read_csv_column(path, "user")) fuzz::touch(key);
  });
  return 0;
}
