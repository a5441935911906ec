// Seconds to score training examples by gradients of one model: TRAK or EK-FAC influence.
//
//   gradient_benchmark trak|ekfac MODEL.safetensors INPUTS.npy LABELS.npy [--train 2000]
//                      [--dimensions 1024] [--labels drawn|all] [--workers 2] [--repeats 5]
//                      [--out SCORES.npy]
//
// INPUTS (m, C, H, W) float32 as the model takes them, LABELS (m) int64: the first `train` are the
// training set, the others the points whose margins are scored. Prints one JSON line: the seconds of each
// repeat, from model and arrays in memory to the scores, and the process's peak memory. `--out` writes
// them, (train, points) float32.

#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "benchmarks/benchmark_program.h"
#include "expunge/attribution/ekfac.h"
#include "expunge/attribution/trak.h"
#include "expunge/train/model_file.h"

namespace expunge {
namespace {

struct Arguments {
  std::string method, model, inputs, labels, out;
  int64_t train = 2000;
  int64_t dimensions = 1024;
  int64_t workers = 2;
  int64_t repeats = 5;
  FisherLabels fisher = FisherLabels::drawn;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  const auto given = words_of(argc, argv, [&](const std::string& name, const std::string& value) {
    const auto whole = std::atoll(value.c_str());
    if (name == "--train") {
      arguments.train = whole;
    } else if (name == "--dimensions") {
      arguments.dimensions = whole;
    } else if (name == "--workers") {
      arguments.workers = whole;
    } else if (name == "--repeats") {
      arguments.repeats = whole;
    } else if (name == "--labels") {
      arguments.fisher = value == "all" ? FisherLabels::all : FisherLabels::drawn;
    } else if (name == "--out") {
      arguments.out = value;
    } else {
      fail<OptionError>(
          "options --train, --dimensions, --labels, --workers, --repeats and --out expected, got "
          "{}",
          name);
    }
    return true;
  });
  if (given.size() != 4)
    fail<OptionError>("trak or ekfac, MODEL, INPUTS and LABELS required, got {} words",
                      given.size());
  arguments.method = given[0];
  if (arguments.method != "trak" && arguments.method != "ekfac")
    fail<OptionError>("trak or ekfac required, got {}", arguments.method);
  arguments.model = given[1];
  arguments.inputs = given[2];
  arguments.labels = given[3];
  return arguments;
}

void run(const Arguments& arguments) {
  const auto model = read_model(arguments.model);
  Problem problem;
  problem.inputs = read_npy(arguments.inputs).contiguous(at::MemoryFormat::ChannelsLast);
  problem.labels = read_npy(arguments.labels);
  problem.training = {problem.inputs.narrow(0, 0, arguments.train),
                      problem.labels.narrow(0, 0, arguments.train)};
  problem.shape = model.shape;
  std::vector<int64_t> points(static_cast<size_t>(problem.m() - arguments.train));
  std::iota(points.begin(), points.end(), arguments.train);
  const auto& network = require_layers(*model.network, "attribution by gradients");
  const TrainedModels models{1, [&](int64_t) { return network.as(torch::kFloat32); }};
  GradientScores scores;
  const auto seconds = seconds_of(arguments.repeats, [&] {
    if (arguments.method == "trak") {
      TrakOptions options;
      options.dimensions = arguments.dimensions;
      scores = Trak(models, problem, options, arguments.workers).scores(points);
    } else {
      EkfacOptions options;
      options.labels = arguments.fisher;
      scores = EkfacInfluence(models, problem, options, arguments.workers).scores(points);
    }
  });
  if (!arguments.out.empty()) write_npy(arguments.out, scores.mean);
  std::printf(R"({"method": "%s", "train": %lld, "points": %zu, "seconds": [%s], "peak_MiB": %lld})"
              "\n",
              arguments.method.c_str(), static_cast<long long>(arguments.train), points.size(),
              fmt::format("{:.4f}", fmt::join(seconds, ", ")).c_str(), peak_mib());
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) {
  return expunge::exit_code_of("gradient_benchmark",
                               [&] { expunge::run(expunge::parse(argc, argv)); });
}
