// A desk over an experiment so small that a request is processed in a fraction of a second.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "expunge/desk/desk.h"
#include "expunge/desk/process.h"
#include "pipeline/tiny_experiment.h"

namespace expunge::desk {

// n = 60 training examples of 3 classes, 30 validation points, 20 subset models that leave each example out four times,
// 20 full models. Example i belongs to user "u<i / 6>".
class TinyDesk : public TinyExperiment {
 protected:
  static constexpr int64_t points = 90;

  TinyDesk() { write_data(tiny_dataset(n, 1, 1, 6), tiny_dataset(points - n, 2, 1, 6)); }

  [[nodiscard]] std::string desk_config(const std::string& attribution = "") {
    auto text =
        config_text({{"subset_models", "20"}, {"full_models", "20"}, {"oracle_models", "8"}});
    return text.insert(text.find("[evaluation]"), "[attribution]\n" + attribution + "\n");
  }
  [[nodiscard]] static DeskOptions tiny_options() {
    DeskOptions options;
    options.removal.resamples = 20;
    options.oracles = 20;
    options.budget = 500;
    options.hard_limit = 1000;
    return options;
  }
  [[nodiscard]] static std::vector<std::string> user_keys() {
    std::vector<std::string> keys;
    for (int64_t i = 0; i < n; ++i) keys.push_back(fmt::format("u{}", i / 6));
    return keys;
  }
  /// A desk in the folder `name`, over the models of `out`, which are trained once.
  std::filesystem::path make(const std::string& name, const DeskOptions& options = tiny_options(),
                             const std::string& attribution = "") {
    const auto made = experiment_of(desk_config(attribution));
    made.train_store(made.subset_spec());
    made.train_store(made.full_spec());
    make_desk(made, options, user_keys(), folder_ / name);
    return folder_ / name;
  }
  static Request ask(Desk& desk, std::vector<int64_t> examples, const std::string& receipt) {
    return desk.ledger().ask(examples, false, receipt);
  }
  static ProcessOptions quietly() {
    ProcessOptions options;
    options.workers = 1;
    return options;
  }
  /// The newest version's model, as its SHA-256.
  static std::string newest_model(const std::filesystem::path& folder) {
    return Desk(folder).ledger().newest().model_sha256;
  }
};

}  // namespace expunge::desk
