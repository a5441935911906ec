// Seconds to fit ridge datamodels and to predict one removal, beside benchmarks/peers/ridge.py.
//
//   ridge_benchmark MASKS.npy MARGINS.npy [--forget 100] [--models N] [--examples n] [--points m]
//                   [--repeats 5] [--out SHIFT.npy] [--prior none] [--lambda L] [--workers 2] ...
//
// MASKS (N, n) bool, MARGINS (N, m) float32, of which the first n points are the training set: logits
// of one class. `--models`, `--examples` and `--points` take the first ones only, all if 0. The first
// `forget` examples are removed. Options of the fit are those of ridge_options.h. Prints one JSON line:
// the seconds of each repeat, from arrays in memory to the shift, those of the last repeat's two parts,
// and the process's peak memory. `--out` writes the shift, (m) float32.

#include <cstdio>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/benchmark_program.h"
#include "expunge/attribution/subset_datamodels.h"

namespace expunge {
namespace {

struct Arguments {
  std::string masks, margins, out;
  int64_t forget = 100;
  int64_t models = 0;
  int64_t examples = 0;
  int64_t points = 0;
  int64_t repeats = 5;
  RidgeOptions ridge;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  arguments.ridge.prior = EffectPrior::none;
  arguments.ridge.workers = 2;
  const auto files = words_of(argc, argv, [&](const std::string& name, const std::string& value) {
    const auto whole = std::atoll(value.c_str());
    if (name == "--forget") {
      arguments.forget = whole;
    } else if (name == "--models") {
      arguments.models = whole;
    } else if (name == "--examples") {
      arguments.examples = whole;
    } else if (name == "--points") {
      arguments.points = whole;
    } else if (name == "--repeats") {
      arguments.repeats = whole;
    } else if (name == "--workers") {
      arguments.ridge.workers = whole;
    } else if (name == "--out") {
      arguments.out = value;
    } else {
      return take_field(options_of(arguments.ridge), name, value);
    }
    return true;
  });
  if (files.size() != 2)
    fail<OptionError>("MASKS.npy and MARGINS.npy required, got {} files", files.size());
  arguments.masks = files[0];
  arguments.margins = files[1];
  return arguments;
}

void run(const Arguments& arguments) {
  const auto masks = first_of(arguments.masks, arguments.models, arguments.examples);
  const auto logits = first_of(arguments.margins, arguments.models, arguments.points).unsqueeze(2);
  if (arguments.forget < 1 || arguments.forget >= masks.size(1))
    fail<OptionError>("--forget: from 1 to {} required, got {}", masks.size(1) - 1,
                      arguments.forget);
  std::vector<std::vector<int64_t>> removals(
      1, std::vector<int64_t>(static_cast<size_t>(arguments.forget)));
  std::iota(removals[0].begin(), removals[0].end(), 0);
  double fit = 0;
  torch::Tensor shifts;
  const auto seconds = seconds_of(arguments.repeats, [&] {
    std::optional<SubsetDatamodels> datamodels;
    fit = seconds_of([&] { datamodels = SubsetDatamodels::fit(masks, logits, arguments.ridge); });
    shifts = datamodels->removal_shifts(removals);
  });
  std::printf(R"({"models": %lld, "examples": %lld, "points": %lld, "seconds": [%s], )"
              R"("fit_s": %.6f, "shift_s": %.6f, "peak_MiB": %lld})"
              "\n",
              static_cast<long long>(masks.size(0)), static_cast<long long>(masks.size(1)),
              static_cast<long long>(logits.size(1)),
              fmt::format("{:.6f}", fmt::join(seconds, ", ")).c_str(), fit,
              seconds.empty() ? 0 : seconds.back() - fit, peak_mib());
  if (!arguments.out.empty() && shifts.defined()) write_npy(arguments.out, shifts.flatten());
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) {
  return expunge::exit_code_of("ridge_benchmark",
                               [&] { expunge::run(expunge::parse(argc, argv)); });
}
