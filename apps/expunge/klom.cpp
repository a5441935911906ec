// expunge klom: KLoM of margins in .npy files.

#include "expunge/evaluate/klom.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/evaluate/group_summary.h"
#include "margins_file.h"

namespace expunge::app {
namespace {

struct KlomFlags {
  std::string unlearned, oracles, out, floor;
  KlomOptions options;
  CommonFlags common;
};

struct Summary {
  double p95, mean;
};

Summary summary_of(const torch::Tensor& klom) {
  const std::span<const double> values(klom.data_ptr<double>(), static_cast<size_t>(klom.numel()));
  return {percentile(values, 95), klom.mean().item<double>()};
}

// The library knows the floor's side as any other that is compared with oracles.
torch::Tensor floor_of(const KlomFlags& flags, const torch::Tensor& others,
                       const torch::Tensor& oracles) {
  try {
    return klom(others, oracles, flags.options);
  } catch (const InputError& error) {
    fail<InputError>("{} as the unlearned side: {}", flags.floor, error.what());
  }
}

void run(KlomFlags& flags) {
  check_output(flags.out);
  flags.options.workers = flags.common.workers;
  const auto unlearned = margins_in(flags.unlearned);
  const auto oracles = margins_in(flags.oracles);
  const auto result = klom(unlearned, oracles, flags.options);
  std::vector<std::string> warnings;
  if (!klom_is_stable(unlearned.size(0), oracles.size(0))) {
    warnings.push_back(fmt::format("KLoM is stable from about 80 models a side, got {} and {}",
                                   unlearned.size(0), oracles.size(0)));
  }
  nlohmann::ordered_json json = {
      {"points", result.numel()},
      {"unlearned_models", unlearned.size(0)},
      {"oracles", oracles.size(0)},
      {"convention",
       flags.options.convention == KlomConvention::corrected ? "corrected" : "easydub"}};
  const auto summary = summary_of(result);
  json["p95"] = summary.p95;
  json["mean"] = summary.mean;
  std::string text = fmt::format(
      "KLoM in nats over {} points, {} unlearned models against {} oracles: P95 {:.4f}, mean "
      "{:.4f}",
      result.numel(), unlearned.size(0), oracles.size(0), summary.p95, summary.mean);
  if (!flags.floor.empty()) {
    const auto others = margins_in(flags.floor);
    const auto floor = summary_of(floor_of(flags, others, oracles));
    json["floor_models"] = others.size(0);
    json["floor_p95"] = floor.p95;
    json["floor_mean"] = floor.mean;
    text += fmt::format("\nfloor, {} other oracles against the same: P95 {:.4f}, mean {:.4f}",
                        others.size(0), floor.p95, floor.mean);
    if (others.size(0) != unlearned.size(0)) {
      warnings.push_back(
          fmt::format("the floor has {} models and the unlearned side {}: figures of different "
                      "numbers of models do not compare",
                      others.size(0), unlearned.size(0)));
    }
  }
  write_npy(flags.out, result);
  for (const auto& warning : warnings) warn(warning);
  if (flags.common.json) {
    print_json(json);
  } else {
    std::printf("%s\n", text.c_str());
  }
}

}  // namespace

void register_klom(CLI::App& app) {
  auto* command = app.add_subcommand(
      "klom", "KLoM of each point: how far unlearned models' margins are from oracles'");
  const auto flags = std::make_shared<KlomFlags>();
  command
      ->add_option("unlearned", flags->unlearned,
                   "Margins of unlearned models, (Nu, m) float32 .npy, nats")
      ->required();
  command->add_option("oracles", flags->oracles, "Margins of oracles, (No, m) float32 .npy, nats")
      ->required();
  command->add_option("--out", flags->out, "Where KLoM goes, (m) float64 .npy, nats")->required();
  command->add_option("--floor", flags->floor,
                      "Margins of other oracles (N, m) .npy: their KLoM is the floor");
  add_option_flags(*command, options_of(flags->options));
  add_common_flags(*command, flags->common);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
