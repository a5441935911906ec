// expunge forget-set nearest: an example and its neighbours in an embedding.

#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/data/forget_selection.h"
#include "expunge/train/model_file.h"
#include "forget_set.h"
#include "usage.h"

namespace expunge::app {
namespace {

struct NearestFlags : ForgetSetFlags {
  int64_t example = 0;
  std::string embeddings, model;
  Distance distance = Distance::cosine;
};

OptionGroup options_of(NearestFlags& flags) {
  OptionGroup group("nearest", "What near means");
  group.add("distance", flags.distance,
            {{"cosine", Distance::cosine}, {"euclidean", Distance::euclidean}},
            "distance of two embeddings");
  return group;
}

// Features of the configuration's training examples in a model.
torch::Tensor features_of(const NearestFlags& flags) {
  if (flags.training.config.empty())
    fail<OptionError>("--model: --config required beside it for the images, not given");
  const auto problem = make_problem(load_data(read_run_config(flags.training.config).data));
  auto model = read_model(flags.model);
  require_same_data(model, problem, flags.model);
  const auto dtype = model.network->parameters().scalar_type();
  return evaluate_features(require_layers(*model.network, flags.model),
                           problem.inputs.narrow(0, 0, problem.n()).to(dtype));
}

void choose_nearest(NearestFlags& flags) {
  check_output(flags.out);
  if (flags.embeddings.empty() == flags.model.empty())
    fail<OptionError>("nearest: one of --embeddings and --model required");
  const auto embeddings = flags.model.empty() ? map_npy(flags.embeddings) : features_of(flags);
  const auto training =
      read_training_set(flags.training, embeddings.dim() == 0 ? 0 : embeddings.size(0));
  const auto distance = options_of(flags).fields().front().get();
  Chosen chosen{.kind = "nearest",
                .forget = nearest_examples(embeddings, flags.example, flags.count, flags.distance,
                                           flags.common.workers),
                .order = "the example itself, then its nearest others, nearest first",
                .given = given_flags(flags.training),
                .details = {},
                .json = {{"example", flags.example},
                         {"distance", std::get<std::string>(distance)},
                         {"dimensions", embeddings.size(1)}}};
  if (flags.model.empty()) {
    append(chosen.given, {{"--embeddings", flags.embeddings}});
  } else {
    append(chosen.given, {{"--model", flags.model}});
  }
  append(chosen.given, {{"--example", fmt::to_string(flags.example)},
                        {"--count", fmt::to_string(flags.count)},
                        {"--distance", std::get<std::string>(distance)}});
  finish(flags, training, chosen);
}

}  // namespace

void register_nearest(CLI::App& app) {
  auto* command =
      app.add_subcommand("nearest", "An example and those nearest to it in an embedding");
  const auto flags = std::make_shared<NearestFlags>();
  command->add_option("--example", flags->example, "The example, by index; it is the first of F")
      ->check(check_count)
      ->required();
  add_count(*command, *flags, "How many, the example included")->required();
  command->add_option("--embeddings", flags->embeddings,
                      "Embeddings of the training examples, (n, d) float .npy");
  command->add_option("--model", flags->model,
                      "Instead: a model (safetensors written by expunge), whose features before "
                      "its last layer are taken; with --config");
  add_option_flags(*command, options_of(*flags));
  add_output_flags(*command, *flags);
  command->callback([flags] { choose_nearest(*flags); });
}

}  // namespace expunge::app
