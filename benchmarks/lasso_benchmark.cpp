// Seconds to solve LASSO regressions of many targets on the same masks.
//
//   lasso_benchmark MASKS.npy TARGETS.npy [--share 0.1] [--tolerance 1e-4] [--workers 2]
//                   [--repeats 5] [--out BETA.npy]
//
// MASKS (N, n) bool, TARGETS (T, N) float32; each target's penalty is `share` of its largest useful
// one. Prints one JSON line: the seconds of each repeat, from masks and targets in memory to the
// coefficients, what was found, and the process's peak memory. `--out` writes the coefficients, (T, n)
// float32.
#include <ATen/ops/zeros.h>

#include <cstdio>
#include <string>
#include <vector>

#include "benchmarks/benchmark_program.h"
#include "expunge/attribution/lasso_solver.h"

namespace expunge {
namespace {

struct Arguments {
  std::string masks, targets, out;
  double share = 0.1;
  double tolerance = 1e-4;
  int64_t workers = 2;
  int64_t repeats = 5;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  const auto files = words_of(argc, argv, [&](const std::string& name, const std::string& value) {
    if (name == "--share") {
      arguments.share = std::atof(value.c_str());
    } else if (name == "--tolerance") {
      arguments.tolerance = std::atof(value.c_str());
    } else if (name == "--workers") {
      arguments.workers = std::atoll(value.c_str());
    } else if (name == "--repeats") {
      arguments.repeats = std::atoll(value.c_str());
    } else if (name == "--out") {
      arguments.out = value;
    } else {
      fail<OptionError>(
          "options --share, --tolerance, --workers, --repeats and --out expected, got {}", name);
    }
    return true;
  });
  if (files.size() != 2)
    fail<OptionError>("MASKS.npy and TARGETS.npy required, got {} files", files.size());
  arguments.masks = files[0];
  arguments.targets = files[1];
  return arguments;
}

void run(const Arguments& arguments) {
  const auto masks = read_npy(arguments.masks);
  const auto targets = read_npy(arguments.targets);
  std::vector<LassoSolution> solutions;
  const auto seconds = seconds_of(arguments.repeats, [&] {
    const auto design = LassoDesign::make(masks, {.workers = arguments.workers});
    const auto lambdas = arguments.share * largest_lambdas(design, targets, arguments.workers);
    solutions = solve_lasso(design, targets, lambdas,
                            {.tolerance = arguments.tolerance, .workers = arguments.workers});
  });
  double gap = 0, effects = 0;
  for (const auto& solution : solutions) {
    gap = std::max(gap, solution.gap);
    effects += static_cast<double>(solution.effects.examples.size()) /
               static_cast<double>(solutions.size());
  }
  std::printf(
      "{\"seconds\": [%s], \"largest_gap\": %.3g, \"effects_a_target\": %.1f, \"peak_MiB\": "
      "%lld}\n",
      fmt::format("{:.4f}", fmt::join(seconds, ", ")).c_str(), gap, effects, peak_mib());
  if (arguments.out.empty()) return;
  auto beta = torch::zeros({targets.size(0), masks.size(1)}, torch::kFloat32);
  for (size_t t = 0; t < solutions.size(); ++t) {
    auto* row = beta.data_ptr<float>() + static_cast<int64_t>(t) * masks.size(1);
    const auto& found = solutions[t].effects;
    for (size_t k = 0; k < found.examples.size(); ++k) row[found.examples[k]] = found.values[k];
  }
  write_npy(arguments.out, beta);
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) {
  return expunge::exit_code_of("lasso_benchmark",
                               [&] { expunge::run(expunge::parse(argc, argv)); });
}
