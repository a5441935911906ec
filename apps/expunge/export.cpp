// expunge export: stores and scores as public packages read them.

#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/npy.h"
#include "expunge/exchange/datamodels_store.h"
#include "expunge/exchange/easydub_tree.h"
#include "expunge/exchange/trak_scores.h"
#include "subset_source.h"
#include "training_set.h"

namespace expunge::app {
namespace {

namespace fs = std::filesystem;

struct ExportDatamodelsFlags {
  std::string store, labels, out;
  CommonFlags common;
};

void export_store(const ExportDatamodelsFlags& flags) {
  const auto store = finished_store(flags.store);
  const auto& layout = store.description().layout;
  export_datamodels(store.masks(), store.logits(),
                    flags.labels.empty() ? torch::Tensor() : labels_in(flags.labels), flags.out);
  if (flags.common.json) {
    return print_json({{"folder", flags.out},
                       {"models", store.description().models},
                       {"training_examples", layout.n},
                       {"points", layout.m},
                       {"classes", layout.classes},
                       {"margins", !flags.labels.empty()}});
  }
  std::printf("masks and logits%s of %lld models -> %s\n", flags.labels.empty() ? "" : ", margins",
              static_cast<long long>(store.description().models), flags.out.c_str());
}

void register_datamodels_export(CLI::App& app) {
  auto* command = app.add_subcommand("datamodels",
                                     "A store as the datamodels package makes one: masks.npy, "
                                     "logits.npy, margins.npy, _completed.npy, "
                                     "spec.json");
  const auto flags = std::make_shared<ExportDatamodelsFlags>();
  command->add_option("store", flags->store, "Folder of a finished store, such as OUT/subset")
      ->required();
  command->add_option(
      "--labels", flags->labels,
      "Labels of its points, (m) .npy, such as OUT/labels.npy: for margins.npy, which is "
      "what their regression reads");
  command->add_option("--out", flags->out, "Folder for the arrays")->required();
  add_common_flags(*command, flags->common, /*with_workers=*/false);
  command->callback([flags] { export_store(*flags); });
}

struct ExportEasydubFlags {
  std::string experiment, set, out;
  EasydubOptions options;
  CommonFlags common;
};

void export_tree(const ExportEasydubFlags& flags) {
  const fs::path folder = flags.experiment;
  const auto full = finished_store(folder / "full");
  const auto oracles = finished_store(folder / ("oracle-" + flags.set));
  export_easydub(full.logits(), oracles.logits(), oracles.masks()[0],
                 labels_in((folder / "labels.npy").string()), flags.out, flags.options);
  if (flags.common.json) {
    return print_json({{"tree", flags.out},
                       {"full_models", full.description().models},
                       {"oracles", oracles.description().models}});
  }
  std::printf("margins and logits of %lld full models and %lld oracles -> %s\n",
              static_cast<long long>(full.description().models),
              static_cast<long long>(oracles.description().models), flags.out.c_str());
}

void register_easydub_export(CLI::App& app) {
  auto* command = app.add_subcommand(
      "easydub",
      "An experiment's full models and oracles as EasyDUB's tree, for its code to judge");
  const auto flags = std::make_shared<ExportEasydubFlags>();
  command->add_option("experiment", flags->experiment, "Folder of an experiment")->required();
  command->add_option("--set", flags->set, "Name of its forget set")->required();
  command->add_option("--out", flags->out, "Folder of the tree; files that are there are replaced")
      ->required();
  add_option_flags(*command, options_of(flags->options));
  add_common_flags(*command, flags->common, /*with_workers=*/false);
  command->callback([flags] { export_tree(*flags); });
}

struct ExportTrakFlags {
  std::string scores, name, out;
  CommonFlags common;
};

void export_scores(const ExportTrakFlags& flags) {
  const auto scores = map_npy(flags.scores);
  export_trak_scores(scores, flags.out, flags.name);
  if (flags.common.json) {
    return print_json({{"save_dir", flags.out},
                       {"training_examples", scores.size(0)},
                       {"targets", scores.size(1)}});
  }
  std::printf("scores of %lld training examples on %lld targets -> %s, experiment %s\n",
              static_cast<long long>(scores.size(0)), static_cast<long long>(scores.size(1)),
              flags.out.c_str(), flags.name.c_str());
}

void register_trak_export(CLI::App& app) {
  auto* command = app.add_subcommand("trak", "Scores as an experiment in the save_dir of a TRAKer");
  const auto flags = std::make_shared<ExportTrakFlags>();
  command
      ->add_option("scores", flags->scores,
                   "Scores (n, targets) float32 .npy, such as expunge scores writes")
      ->required();
  command->add_option("--name", flags->name, "Name of the experiment")->required();
  command->add_option("--out", flags->out, "The save_dir; may hold other experiments")->required();
  add_common_flags(*command, flags->common, /*with_workers=*/false);
  command->callback([flags] { export_scores(*flags); });
}

}  // namespace

void register_export(CLI::App& app) {
  auto* command = app.add_subcommand(
      "export",
      "Write stores and scores as public packages read them: datamodels, easydub or trak");
  command->require_subcommand(1);
  register_datamodels_export(*command);
  register_easydub_export(*command);
  register_trak_export(*command);
}

}  // namespace expunge::app
