// expunge import: stores and scores of public packages.

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/json_number.h"
#include "expunge/exchange/datamodels_store.h"
#include "expunge/exchange/easydub_tree.h"
#include "expunge/exchange/trak_scores.h"

namespace expunge::app {
namespace {

struct ImportDatamodelsFlags {
  std::string folder, masks, completed, out;
  std::vector<std::string> outputs;
  CommonFlags common;
};

DatamodelsSource source_of(const ImportDatamodelsFlags& flags) {
  const bool arrays = !flags.masks.empty() || !flags.outputs.empty() || !flags.completed.empty();
  if (flags.folder.empty() != arrays)
    fail<OptionError>("a store's folder, or --masks with --outputs, required, got {}",
                      arrays ? "both" : "neither");
  if (!arrays) return datamodels_source(flags.folder);
  if (flags.masks.empty() || flags.outputs.empty())
    fail<OptionError>("--masks and --outputs: both required");
  return {flags.masks, {flags.outputs.begin(), flags.outputs.end()}, flags.completed};
}

void import_store(const ImportDatamodelsFlags& flags) {
  const auto found = import_datamodels(source_of(flags), flags.out);
  const auto outputs = found.classes > 0 ? fmt::format("logits of {} classes", found.classes)
                                         : std::string("margins");
  if (found.m < found.n)
    warn(
        fmt::format("outputs of {} points for {} training examples: removal-shift and explain need "
                    "those of all training examples, first",
                    found.m, found.n));
  if (flags.common.json) {
    return print_json({{"folder", flags.out},
                       {"rows", found.rows},
                       {"models", found.models},
                       {"training_examples", found.n},
                       {"points", found.m},
                       {"classes", found.classes},
                       {"dtype", found.dtype},
                       {"alpha", found.alpha},
                       {"never_left_out", found.never_left_out},
                       {"always_left_out", found.always_left_out},
                       {"lowest", found.lowest},
                       {"highest", found.highest}});
  }
  std::printf(
      "%s",
      fmt::format(
          "{} of {} models completed; {} training examples, alpha {:.3f}; {} of {} points, {}, "
          "from {:.4g} to {:.4g}\n{} examples were left out by no model, {} by all\n-> {}\n",
          found.models, found.rows, found.n, found.alpha, outputs, found.m, found.dtype,
          found.lowest, found.highest, found.never_left_out, found.always_left_out, flags.out)
          .c_str());
}

void register_datamodels_import(CLI::App& app) {
  auto* command = app.add_subcommand(
      "datamodels",
      "A store of the datamodels package: masks.npy, margins.npy or logits.npy, _completed.npy. "
      "Becomes "
      "a store of the completed models; margins also margins.npy (N, m) float32");
  const auto flags = std::make_shared<ImportDatamodelsFlags>();
  command->add_option("folder", flags->folder, "The store's folder");
  command->add_option("--masks", flags->masks,
                      "Instead of a folder: which examples each model saw, (N, n) bool .npy");
  command->add_option(
      "--outputs", flags->outputs,
      "With --masks: logits (N, m, C) or margins (N, m) .npy; repeated, training points "
      "first, arrays are joined");
  command->add_option("--completed", flags->completed,
                      "With --masks: which rows count, (N) bool .npy [all]");
  command->add_option("--out", flags->out, "Folder of the new store")->required();
  add_common_flags(*command, flags->common, /*with_workers=*/false);
  command->callback([flags] { import_store(*flags); });
}

struct ImportEasydubFlags {
  std::string tree, out;
  bool logits = false;
  EasydubOptions options;
  CommonFlags common;
};

void import_tree(const ImportEasydubFlags& flags) {
  const auto found = flags.logits ? import_easydub_logits(flags.tree, flags.out, flags.options)
                                  : import_easydub_margins(flags.tree, flags.out, flags.options);
  if (flags.common.json) {
    return print_json({{"folder", flags.out},
                       {"full_models", found.pretrain_models},
                       {"oracles", found.oracle_models},
                       {"training_examples", found.n},
                       {"validation_examples", found.validation},
                       {"classes", found.classes},
                       {"forget", found.forget},
                       {"largest_difference", json_number(found.largest_difference)}});
  }
  const auto outputs = found.classes > 0 ? fmt::format("logits of {} classes", found.classes)
                                         : std::string("margins");
  auto text = fmt::format(
      "{} full models and {} oracles without {} of {} training examples; {} of these and {} "
      "validation "
      "examples\n",
      found.pretrain_models, found.oracle_models, found.forget, found.n, outputs, found.validation);
  if (!std::isnan(found.largest_difference))
    text += fmt::format("full models' outputs on F, stored twice, differ by {:.3g} at most\n",
                        found.largest_difference);
  std::printf("%s-> %s\n", text.c_str(), flags.out.c_str());
}

void register_easydub_import(CLI::App& app) {
  auto* command = app.add_subcommand(
      "easydub",
      "EasyDUB's tree: full models and oracles of one forget set. Margins become full.npy and "
      "oracle.npy, "
      "(N, m) float32, logits two stores; points are the training set, then validation");
  const auto flags = std::make_shared<ImportEasydubFlags>();
  command->add_option("tree", flags->tree, "Folder that holds margins/, logits/, forget_sets/")
      ->required();
  command->add_option("--out", flags->out, "Folder for what is read, and forget.txt")->required();
  command->add_flag("--logits", flags->logits, "Read logits/ instead of margins/");
  add_option_flags(*command, options_of(flags->options));
  add_common_flags(*command, flags->common, /*with_workers=*/false);
  command->callback([flags] { import_tree(*flags); });
}

struct ImportTrakFlags {
  std::string source, name, out;
  CommonFlags common;
};

void import_scores(const ImportTrakFlags& flags) {
  check_output(flags.out);
  const auto found = import_trak_scores(flags.source, flags.name, flags.out);
  if (found.empty_targets > 0)
    warn(fmt::format("{} of {} targets have scores of 0 alone: they were not scored",
                     found.empty_targets, found.targets));
  if (flags.common.json) {
    return print_json({{"file", flags.out},
                       {"training_examples", found.n},
                       {"targets", found.targets},
                       {"dtype", found.dtype},
                       {"empty_targets", found.empty_targets}});
  }
  std::printf("scores of %lld training examples on %lld targets, %s -> %s\n",
              static_cast<long long>(found.n), static_cast<long long>(found.targets),
              found.dtype.c_str(), flags.out.c_str());
}

void register_trak_import(CLI::App& app) {
  auto* command =
      app.add_subcommand("trak", "Scores of the trak package, as expunge lds --scores reads them");
  const auto flags = std::make_shared<ImportTrakFlags>();
  command->add_option("source", flags->source, "The save_dir of a TRAKer, or one scores/NAME.mmap")
      ->required();
  command->add_option("--name", flags->name, "With a save_dir: the experiment's name");
  command->add_option("--out", flags->out, "Where scores go, (n, targets) float32 .npy")
      ->required();
  add_common_flags(*command, flags->common, /*with_workers=*/false);
  command->callback([flags] { import_scores(*flags); });
}

}  // namespace

void register_import(CLI::App& app) {
  auto* command = app.add_subcommand(
      "import", "Read stores and scores of public packages: datamodels, easydub or trak");
  command->require_subcommand(1);
  register_datamodels_import(*command);
  register_easydub_import(*command);
  register_trak_import(*command);
}

}  // namespace expunge::app
