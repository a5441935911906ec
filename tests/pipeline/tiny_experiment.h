// A whole experiment that runs in a fraction of a second.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/npy.h"
#include "expunge/pipeline/evaluation.h"
#include "expunge/pipeline/experiment.h"
#include "train/tiny_problem.h"

namespace expunge {

// n = 60 training examples of 6 x 6 pixels and 3 classes, m - n = 15 for validation; two forget
// sets of 4 and 3 examples; 10 subset models, 8 full ones, 12 oracles of which 6 judge.
class TinyExperiment : public testing::Test {
 protected:
  static constexpr int64_t n = 60;
  static constexpr int64_t m = 75;
  static constexpr int64_t judges = 6;

  TinyExperiment() {
    write_data(tiny_dataset(n, 1, 1, 6), tiny_dataset(m - n, 2, 1, 6));
    put_file(folder_ / "pair.txt", "# four\n12\n3\n30\n7\n");
    put_file(folder_ / "late.txt", "57\n58\n59\n");
  }
  void write_data(const Dataset& train, const Dataset& validation) {
    std::filesystem::create_directories(folder_ / "data");
    write_npy(folder_ / "data" / "train_images.npy", train.images);
    write_npy(folder_ / "data" / "train_labels.npy", train.labels);
    write_npy(folder_ / "data" / "val_images.npy", validation.images);
    write_npy(folder_ / "data" / "val_labels.npy", validation.labels);
  }
  // The configuration's text, with lines changed: {"epochs", "3"} replaces that key's value.
  [[nodiscard]] std::string config_text(const std::map<std::string, std::string>& changes = {}) {
    std::map<std::string, std::string> keys = {
        {"epochs", "2"},      {"hidden", "[8]"},
        {"seed", "0"},        {"subset_models", "10"},
        {"full_models", "8"}, {"oracle_models", "12"},
        {"resamples", "20"},  {"logits_dtype", "\"float32\""}};
    for (const auto& [key, value] : changes) keys.at(key) = value;
    return "name = \"tiny\"\n[data]\nformat = \"npy\"\npath = \"" + (folder_ / "data").string() +
           "\"\ntrain_examples = 0\nvalidation_examples = 0\n[recipe]\nhidden = " + keys["hidden"] +
           "\nbatch_size = 10\nepochs = " + keys["epochs"] +
           "\n[ensembles]\nseed = " + keys["seed"] + "\nsubset_models = " + keys["subset_models"] +
           "\nfull_models = " + keys["full_models"] + "\noracle_models = " + keys["oracle_models"] +
           "\nlogits_dtype = " + keys["logits_dtype"] +
           "\n[evaluation]\nresamples = " + keys["resamples"] +
           "\n[[forget_set]]\nname = \"pair\"\nfile = \"pair.txt\"\n"
           "[[forget_set]]\nname = \"late\"\nfile = \"late.txt\"\n";
  }
  Experiment experiment(const std::map<std::string, std::string>& changes = {},
                        const std::string& out = "out", int64_t workers = 1,
                        ProgressSink* progress = nullptr) {
    return experiment_of(config_text(changes), out, workers, progress);
  }
  Experiment experiment_of(const std::string& text, const std::string& out = "out",
                           int64_t workers = 1, ProgressSink* progress = nullptr) {
    put_file(folder_ / "config.toml", text);
    return Experiment(read_run_config(folder_ / "config.toml"), folder_ / out, workers, progress);
  }
  static ReportData run(const Experiment& experiment) {
    experiment.train();
    experiment.attribute();
    experiment.unlearn();
    auto data = evaluate(experiment, "expunge run config.toml");
    write_results(experiment, data);
    return data;
  }
  [[nodiscard]] torch::Tensor read(const std::string& file, const std::string& out = "out") const {
    return read_npy(folder_ / out / file);
  }
  [[nodiscard]] std::string path_of(const std::string& file) const {
    return (folder_ / "out" / file).string();
  }
  ScratchFolder folder_;
};

}  // namespace expunge
