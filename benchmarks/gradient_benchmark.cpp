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
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <numeric>
#include <string>
#include <vector>

#include "expunge/attribution/ekfac.h"
#include "expunge/attribution/trak.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
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
  std::vector<std::string> given;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name.rfind("--", 0) != 0) {
      given.push_back(name);
      continue;
    }
    if (i + 1 == argc) fail<OptionError>("option {}: a value required", name);
    const char* value = argv[++i];
    if (name == "--train") {
      arguments.train = std::atoll(value);
    } else if (name == "--dimensions") {
      arguments.dimensions = std::atoll(value);
    } else if (name == "--workers") {
      arguments.workers = std::atoll(value);
    } else if (name == "--repeats") {
      arguments.repeats = std::atoll(value);
    } else if (name == "--labels") {
      arguments.fisher = std::string(value) == "all" ? FisherLabels::all : FisherLabels::drawn;
    } else if (name == "--out") {
      arguments.out = value;
    } else {
      fail<OptionError>(
          "options --train, --dimensions, --labels, --workers, --repeats and --out expected, got "
          "{}",
          name);
    }
  }
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
  std::vector<double> seconds;
  GradientScores scores;
  for (int64_t i = 0; i < arguments.repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (arguments.method == "trak") {
      TrakOptions options;
      options.dimensions = arguments.dimensions;
      scores = Trak(models, problem, options, arguments.workers).scores(points);
    } else {
      EkfacOptions options;
      options.labels = arguments.fisher;
      scores = EkfacInfluence(models, problem, options, arguments.workers).scores(points);
    }
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  if (!arguments.out.empty()) write_npy(arguments.out, scores.mean);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(R"({"method": "%s", "train": %lld, "points": %zu, "seconds": [%s], "peak_MiB": %ld})"
              "\n",
              arguments.method.c_str(), static_cast<long long>(arguments.train), points.size(),
              fmt::format("{:.4f}", fmt::join(seconds, ", ")).c_str(), usage.ru_maxrss / 1024);
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) {
  try {
    expunge::run(expunge::parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gradient_benchmark: %s\n", error.what());
    return 1;
  }
  return 0;
}
