// Time and memory of the kernel engine: one network brought to other logits on a forget set.
//
//   kernel_benchmark [--network resnet9] [--width 1] [--forget 20] [--retain 100] [--steps 1] [--repeats 3]
//
// Images of 3 x 32 x 32 are made up, weights are initial ones, targets are the network's logits plus noise: neither
// time nor memory depends on them. One worker, as in expunge unlearn, where each has a network of its own. Prints one
// JSON line: the seconds of each repeat, the process's memory before and its peak.

#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "benchmarks/benchmark_program.h"
#include "benchmarks/made_up_images.h"
#include "expunge/train/networks.h"
#include "expunge/train/problem.h"
#include "expunge/unlearn/target_matching.h"

namespace expunge {
namespace {

constexpr int64_t kExamples = 1000;

void run(std::map<std::string, std::string> given) {
  const auto take = [&](const std::string& name, const std::string& otherwise) {
    const auto found = given.extract(name);
    return found.empty() ? otherwise : found.mapped();
  };
  const auto whole = [&](const std::string& name, const std::string& otherwise) {
    return static_cast<int64_t>(std::atoll(take(name, otherwise).c_str()));
  };
  NetworkOptions options;
  const auto network_name = take("--network", "resnet9");
  if (network_name == "resnet9") {
    options.kind = NetworkKind::resnet9;
  } else if (network_name == "convnet") {
    options.kind = NetworkKind::convnet;
  } else if (network_name != "mlp") {
    fail<OptionError>("--network: mlp, convnet or resnet9 required, got {}", network_name);
  }
  options.width = std::atof(take("--width", "1").c_str());
  std::vector<int64_t> forget(static_cast<size_t>(whole("--forget", "20")));
  MatchingOptions matching;
  matching.kernel.retain_points = whole("--retain", "100");
  matching.kernel.steps = whole("--steps", "1");
  const int64_t repeats = whole("--repeats", "3");
  if (!given.empty()) fail<OptionError>("unknown option {}", given.begin()->first);

  std::iota(forget.begin(), forget.end(), 0);
  const Problem problem = make_problem({made_up_images(kExamples, 1), made_up_images(10, 2)});
  const auto network = make_network(options, problem.shape);
  network->initialise(1);
  const auto logits = evaluate_logits(*network, problem.inputs);
  const auto targets = logits + torch::randn_like(logits);
  const auto before = peak_mib();
  const TargetMatching engine(matching);
  std::vector<double> seconds;
  double gradients = 0;
  for (int64_t i = 0; i < repeats; ++i) {
    const auto matched = network->clone();
    seconds.push_back(seconds_of([&] {
      gradients = engine.unlearn(*matched, {problem, forget, targets}).sample_gradients;
    }));
  }
  fmt::print(
      "{{\"parameters\": {}, \"points\": {}, \"sample_gradients\": {:.0f}, \"seconds\": [{:.2f}], "
      "\"MiB_before\": {}, \"MiB_peak\": {}}}\n",
      network->parameters().numel(), std::ssize(forget) + matching.kernel.retain_points, gradients,
      fmt::join(seconds, ", "), before, peak_mib());
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) {
  return expunge::exit_code_of("kernel_benchmark", [&] {
    std::map<std::string, std::string> given;
    const auto words =
        expunge::words_of(argc, argv, [&](const std::string& name, const std::string& value) {
          given[name] = value;
          return true;
        });
    if (!words.empty()) expunge::fail<expunge::OptionError>("unknown option {}", words.front());
    expunge::run(std::move(given));
  });
}
