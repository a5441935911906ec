// expunge margins: logits in a .npy file to margins in another.

#include "expunge/evaluate/margins.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"

namespace expunge::app {
namespace {

struct MarginsFlags {
  std::string logits, labels, out;
  CommonFlags common;
};

void run(const MarginsFlags& flags) {
  check_output(flags.out);
  const auto labels = read_npy(flags.labels);
  if (!c10::isIntegralType(labels.scalar_type(), false)) {
    fail<InputError>("{}: labels (m) of whole numbers required, got {}", flags.labels,
                     toString(labels.scalar_type()));
  }
  const auto logits = map_npy(flags.logits);
  const auto result = margins(logits, labels.to(torch::kInt64), flags.common.workers);
  if (result.numel() == 0) {
    fail<InputError>("{}: logits of at least one model and one point required, got ({})",
                     flags.logits, fmt::join(logits.sizes(), ", "));
  }
  write_npy(flags.out, result);
  if (flags.common.json) {
    print_json({{"shape", result.sizes().vec()}, {"mean", result.mean().item<double>()}});
  } else {
    std::printf("margins (%s) in nats, mean %.4f\n",
                fmt::format("{}", fmt::join(result.sizes(), ", ")).c_str(),
                result.mean().item<double>());
  }
}

}  // namespace

void register_margins(CLI::App& app) {
  auto* command = app.add_subcommand(
      "margins", "Margins of logits: z_y - logsumexp of the other classes' logits");
  const auto flags = std::make_shared<MarginsFlags>();
  command->add_option("logits", flags->logits, "Logits (N, m, C) float16 or float32 .npy")
      ->required();
  command->add_option("labels", flags->labels, "Labels (m), whole numbers from 0, .npy")
      ->required();
  command->add_option("--out", flags->out, "Where the margins go, (N, m) float32 .npy, nats")
      ->required();
  add_common_flags(*command, flags->common);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
