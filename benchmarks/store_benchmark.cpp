// What a store costs that many tasks have filled: appending, finding out what is there, merging.
//
//   store_benchmark FOLDER [--tasks 1000] [--rows 1000] [--n 50000] [--m 60000] [--classes 10]
//
// Fills a store of made-up float16 rows in FOLDER, which must not be there, with a shard for each task, as
// processes that share it do. Prints one JSON line: sizes in bytes, seconds of each step, peak memory.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/benchmark_program.h"
#include "expunge/train/ensemble_store.h"

namespace expunge {
namespace {

struct Arguments {
  std::string folder;
  int64_t tasks = 1000;
  int64_t rows = 1000;
  int64_t n = 50000;
  int64_t m = 60000;
  int64_t classes = 10;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  const auto words = words_of(argc, argv, [&](const std::string& name, const std::string& given) {
    const int64_t value = std::atoll(given.c_str());
    if (name == "--tasks") {
      arguments.tasks = value;
    } else if (name == "--rows") {
      arguments.rows = value;
    } else if (name == "--n") {
      arguments.n = value;
    } else if (name == "--m") {
      arguments.m = value;
    } else if (name == "--classes") {
      arguments.classes = value;
    } else {
      fail<OptionError>("options --tasks, --rows, --n, --m and --classes expected, got {}", name);
    }
    return true;
  });
  if (words.empty()) fail<OptionError>("FOLDER required, got none");
  arguments.folder = words.back();
  return arguments;
}

void run(const Arguments& a) {
  if (std::filesystem::exists(a.folder)) fail<InputError>("{}: is there already", a.folder);
  EnsembleDescription description;
  description.name = "benchmark";
  description.models = a.rows;
  description.layout = {.n = a.n, .m = a.m, .classes = a.classes, .logits_dtype = torch::kFloat16};
  auto store = EnsembleStore::create_or_open(a.folder, description);
  const auto shards = std::filesystem::path(a.folder) / "shards";
  const auto mask = torch::arange(a.n).remainder(5).ne(0);
  const auto logits = torch::randn({a.m, a.classes}).to(torch::kFloat16);
  const double append = seconds_of([&] {
    for (int64_t task = 0; task < a.tasks; ++task) {
      ShardWriter writer(shards, description.layout);
      for (int64_t row = task; row < a.rows; row += a.tasks) writer.append(row, mask, logits);
    }
  });
  const double list = seconds_of([&] { (void)store.listed(); });
  const double share = seconds_of([&] { (void)store.completed({.task = 0, .tasks = a.tasks}); });
  const double all = seconds_of([&] { (void)store.completed(); });
  const auto before = peak_memory();
  const double finalise = seconds_of([&] { store.finalise(); });
  const auto row_bytes = description.layout.row_bytes();
  std::printf("%s\n",
              fmt::format("{{\"tasks\": {}, \"rows\": {}, \"row_bytes\": {}, \"bytes\": {}, "
                          "\"append_seconds\": {:.3f}, \"list_seconds\": {:.4f}, "
                          "\"own_share_seconds\": {:.4f}, \"check_all_seconds\": {:.3f}, "
                          "\"finalise_seconds\": {:.3f}, \"memory_before\": {}, \"memory\": {}}}",
                          a.tasks, a.rows, row_bytes, row_bytes * a.rows, append, list, share, all,
                          finalise, before, peak_memory())
                  .c_str());
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) {
  return expunge::exit_code_of("store_benchmark",
                               [&] { expunge::run(expunge::parse(argc, argv)); });
}
