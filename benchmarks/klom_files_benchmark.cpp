// Seconds to compute KLoM of margins in files, beside benchmarks/peers/klom_easydub.py.
//
//   klom_files_benchmark UNLEARNED.npy ORACLES.npy [--models N] [--points M] [--repeats 5]
//                        [--convention corrected|easydub] [--workers 2] [--out KLOM.npy]
//
// UNLEARNED and ORACLES (models, points) float32. `--models` and `--points` take the first ones only,
// all if 0. Prints one JSON line: the seconds of each repeat, from margins in memory to KLoM of every
// point, and the process's peak memory. `--out` writes KLoM, (points) float64.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "expunge/core/error.h"
#include "expunge/core/npy.h"
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
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name.rfind("--", 0) != 0) {
      files.push_back(name);
      continue;
    }
    if (i + 1 == argc) fail<OptionError>("option {}: a value required", name);
    const std::string value = argv[++i];
    if (name == "--models") {
      arguments.models = std::atoll(value.c_str());
    } else if (name == "--points") {
      arguments.points = std::atoll(value.c_str());
    } else if (name == "--repeats") {
      arguments.repeats = std::atoll(value.c_str());
    } else if (name == "--workers") {
      arguments.options.workers = std::atoll(value.c_str());
    } else if (name == "--out") {
      arguments.out = value;
    } else {
      bool known = false;
      const auto group = options_of(arguments.options);
      for (const auto& field : group.fields()) {
        if ("--" + field.name != name) continue;
        field.parse(value);
        known = true;
      }
      if (!known) fail<OptionError>("unknown option {}", name);
    }
  }
  if (files.size() != 2)
    fail<OptionError>("UNLEARNED.npy and ORACLES.npy required, got {} files", files.size());
  arguments.unlearned = files[0];
  arguments.oracles = files[1];
  return arguments;
}

torch::Tensor first_of(const std::string& path, int64_t models, int64_t points) {
  const auto margins = read_npy(path);
  if (margins.dim() != 2 || models > margins.size(0) || points > margins.size(1))
    fail<InputError>("{}: at least ({}, {}) required, got ({})", path, models, points,
                     fmt::join(margins.sizes(), ", "));
  return margins.narrow(0, 0, models > 0 ? models : margins.size(0))
      .narrow(1, 0, points > 0 ? points : margins.size(1))
      .contiguous();
}

void run(const Arguments& arguments) {
  const auto unlearned = first_of(arguments.unlearned, arguments.models, arguments.points);
  const auto oracles = first_of(arguments.oracles, arguments.models, arguments.points);
  std::vector<double> seconds;
  torch::Tensor values;
  for (int64_t i = 0; i < arguments.repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    values = klom(unlearned, oracles, arguments.options);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(R"({"models": %lld, "points": %lld, "seconds": [%s], "peak_MiB": %ld})"
              "\n",
              static_cast<long long>(unlearned.size(0)), static_cast<long long>(unlearned.size(1)),
              fmt::format("{:.6f}", fmt::join(seconds, ", ")).c_str(), usage.ru_maxrss / 1024);
  if (!arguments.out.empty()) write_npy(arguments.out, values);
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) {
  try {
    expunge::run(expunge::parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "klom_files_benchmark: %s\n", error.what());
    return 1;
  }
  return 0;
}
