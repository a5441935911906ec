// Seconds to compute KLoM of margins in files, beside benchmarks/peers/klom_easydub.py.
//
//   klom_files_benchmark UNLEARNED.npy ORACLES.npy [--models N] [--points M] [--repeats 5]
//                        [--convention corrected|easydub] [--workers 2] [--out KLOM.npy]
//
// UNLEARNED and ORACLES (models, points) float32. `--models` and `--points` take the first ones only,
// all if 0. Prints one JSON line: the seconds of each repeat, from margins in memory to KLoM of every
// point, and the process's peak memory. `--out` writes KLoM, (points) float64.

#include <cstdio>
#include <string>
#include <vector>

#include "benchmarks/benchmark_program.h"
#include "expunge/evaluate/klom.h"

namespace expunge {
namespace {

struct Arguments {
  std::string unlearned, oracles, out;
  int64_t models = 0;
  int64_t points = 0;
  int64_t repeats = 5;
  KlomOptions options{.workers = 2};
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  const auto files = words_of(argc, argv, [&](const std::string& name, const std::string& value) {
    const auto whole = std::atoll(value.c_str());
    if (name == "--models") {
      arguments.models = whole;
    } else if (name == "--points") {
      arguments.points = whole;
    } else if (name == "--repeats") {
      arguments.repeats = whole;
    } else if (name == "--workers") {
      arguments.options.workers = whole;
    } else if (name == "--out") {
      arguments.out = value;
    } else {
      return take_field(options_of(arguments.options), name, value);
    }
    return true;
  });
  if (files.size() != 2)
    fail<OptionError>("UNLEARNED.npy and ORACLES.npy required, got {} files", files.size());
  arguments.unlearned = files[0];
  arguments.oracles = files[1];
  return arguments;
}

void run(const Arguments& arguments) {
  const auto unlearned = first_of(arguments.unlearned, arguments.models, arguments.points);
  const auto oracles = first_of(arguments.oracles, arguments.models, arguments.points);
  torch::Tensor values;
  const auto seconds =
      seconds_of(arguments.repeats, [&] { values = klom(unlearned, oracles, arguments.options); });
  std::printf(R"({"models": %lld, "points": %lld, "seconds": [%s], "peak_MiB": %lld})"
              "\n",
              static_cast<long long>(unlearned.size(0)), static_cast<long long>(unlearned.size(1)),
              fmt::format("{:.6f}", fmt::join(seconds, ", ")).c_str(), peak_mib());
  if (!arguments.out.empty()) write_npy(arguments.out, values);
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) {
  return expunge::exit_code_of("klom_files_benchmark",
                               [&] { expunge::run(expunge::parse(argc, argv)); });
}
