// expunge unlearn: every full model of an experiment, or one model in a file.

#include <cstdio>
#include <nlohmann/json.hpp>

#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/data/forget_set.h"
#include "expunge/pipeline/experiment.h"
#include "expunge/train/model_file.h"
#include "expunge/train/script_network.h"
#include "stages.h"
#include "usage.h"

namespace expunge::app {
namespace {

struct OneModelFlags {
  std::string model;
  std::string forget;
  std::string shift;
  std::string targets;
  std::string out_model;
  int64_t seed = 0;
};

torch::Tensor read_logits_table(const std::string& path, const Problem& problem) {
  const auto table = read_npy(path);
  if (table.sizes() != at::IntArrayRef({problem.m(), problem.shape.classes})) {
    fail<InputError>("{}: ({}, {}) required (evaluation points, classes), got ({})", path,
                     problem.m(), problem.shape.classes, fmt::join(table.sizes(), ", "));
  }
  const auto logits = table.to(torch::kFloat32);
  if (!torch::isfinite(logits).all().item<bool>())
    fail<NonFiniteError>("{}: finite values required, got NaN or infinity", path);
  return logits;
}

bool is_script(const std::string& path) {
  return path.ends_with(".pt") || path.ends_with(".pth");
}

// A file that expunge wrote says what it is; a TorchScript one is what the configuration says that it is.
Model read_any_model(const std::string& path, const Recipe& recipe, const Problem& problem) {
  if (!is_script(path)) {
    auto model = read_model(path);
    require_same_data(model, problem, path);
    return model;
  }
  Model model{.network = nullptr,
              .recipe = recipe,
              .shape = problem.shape,
              .normalisation = problem.normalisation,
              .metadata = {}};
  model.recipe.network.kind = NetworkKind::torchscript;
  model.recipe.network.model = path;
  model.recipe.network.initial = InitialWeights::given;
  model.network = make_any_network(model.recipe.network, problem.shape);
  model.metadata = model_metadata(model.recipe, problem);
  return model;
}

void write_any_model(const std::string& path, const Network& network, const Metadata& metadata) {
  if (!is_script(path)) return write_model(path, network, metadata);
  const auto* script = dynamic_cast<const ScriptNetwork*>(&network);
  if (script == nullptr) {
    fail<OptionError>(
        "--out-model: a .safetensors file required, a .pt file is for a TorchScript model, got {}",
        path);
  }
  script->save(path);
}

void unlearn_one(const ExperimentFlags& flags, const OneModelFlags& one) {
  if (one.forget.empty() || one.out_model.empty() || (one.shift.empty() == one.targets.empty())) {
    fail<OptionError>("--model needs --forget, --out-model, and one of --shift and --targets");
  }
  if (!flags.out.empty()) fail<OptionError>("--out: the whole experiment required, got --model");
  check_output(one.out_model);
  const auto config = read_config(flags);
  auto data = load_data(config.data);
  const auto device = open_device(config.compute);
  const auto problem = make_problem(data).on(device, config.compute.precision);
  auto model = read_any_model(one.model, config.recipe, problem);
  if (!device.is_cpu()) model.network = model.network->copy_on(device);
  const auto forget = read_forget_set(one.forget, problem.n());
  torch::Tensor targets;
  if (!one.targets.empty()) {
    targets = read_logits_table(one.targets, problem);
  } else {
    const auto dtype = model.network->parameters().scalar_type();
    targets = evaluate_logits(*model.network, problem.inputs.to(dtype)).to(torch::kFloat32) +
              config.evaluation.multiplier * read_logits_table(one.shift, problem);
  }
  const auto summary = TargetMatching(config.matching)
                           .unlearn(*model.network, {.problem = problem,
                                                     .forget = forget,
                                                     .targets = targets,
                                                     .seed = static_cast<uint64_t>(one.seed)});
  model.metadata["expunge.unlearned"] = to_toml(forget);
  model.metadata["expunge.sample_gradients"] = to_toml(summary.sample_gradients);
  write_any_model(one.out_model, *model.network, model.metadata);

  const double share =
      summary.sample_gradients / static_cast<double>(problem.n() * model.recipe.epochs);
  if (flags.common.json) {
    print_json({{"model", one.out_model},
                {"forgotten", forget.size()},
                {"sample_gradients", summary.sample_gradients},
                {"cost_share_of_training", share},
                {"forget_error_before", summary.forget_error_before},
                {"forget_error_after", summary.forget_error_after}});
  } else {
    std::printf(
        "%zu examples unlearned at %.1f%% of a training; root mean square distance of their logits "
        "from the "
        "targets: %.3f before, %.3f after\n%s\n",
        forget.size(), 100 * share, summary.forget_error_before, summary.forget_error_after,
        one.out_model.c_str());
  }
}

// Without --model these would be passed over, and the whole experiment unlearned instead.
void require_no_model_flags(const CLI::App& command) {
  for (const char* name : {"--forget", "--shift", "--targets", "--out-model", "--seed"}) {
    if (command.count(name) > 0)
      fail<OptionError>("{}: --model required beside it, not given", name);
  }
}

}  // namespace

void register_unlearn(CLI::App& app) {
  auto* command = app.add_subcommand("unlearn",
                                     "Bring every full model of an experiment to its targets; or, "
                                     "with --model, one model in a file");
  const auto flags = std::make_shared<ExperimentFlags>();
  const auto one = std::make_shared<OneModelFlags>();
  add_experiment_flags(*command, *flags);
  command->add_option("--model", one->model,
                      "One model to unlearn: safetensors written by expunge, or TorchScript (.pt)");
  command->add_option("--forget", one->forget,
                      "With --model: file of the examples to forget, one index a line");
  command->add_option("--shift", one->shift,
                      "With --model: predicted removal shift (m, C) .npy, added to its logits");
  command->add_option("--targets", one->targets,
                      "With --model: target logits (m, C) .npy, instead of --shift");
  command->add_option(
      "--out-model", one->out_model,
      "With --model: where the unlearned model goes, .safetensors or, of a TorchScript model, .pt");
  command->add_option("--seed", one->seed, "With --model: seed of the retained examples drawn [0]")
      ->check(check_count);
  command->callback([command, flags, one] {
    if (one->model.empty()) {
      require_no_model_flags(*command);
      run_stages(*flags, {.unlearn = true});
    } else {
      unlearn_one(*flags, *one);
    }
  });
}

}  // namespace expunge::app
