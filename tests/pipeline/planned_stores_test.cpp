// What the configuration says that an experiment consists of, against what is there after it has run.
#include "expunge/pipeline/planned_stores.h"

#include "expunge/pipeline/sweep.h"
#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

class PlannedStores : public TinyExperiment {
 protected:
  // Name and number of models of every store below OUT, by its folder.
  std::map<std::string, std::pair<std::string, int64_t>> there() {
    std::map<std::string, std::pair<std::string, int64_t>> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "out")) {
      if (entry.path().filename() != "ensemble.json") continue;
      const auto store = EnsembleStore::open(entry.path().parent_path());
      found[fs::relative(store.folder(), folder_ / "out").string()] = {store.description().name,
                                                                       store.description().models};
    }
    return found;
  }
  static std::map<std::string, std::pair<std::string, int64_t>> planned(
      const Experiment& experiment, const SweepConfig* sweep = nullptr) {
    std::map<std::string, std::pair<std::string, int64_t>> stores;
    for (const auto& store : planned_stores(experiment.config(), sweep))
      stores[store.folder.string()] = {store.name, store.models};
    return stores;
  }
};

TEST_F(PlannedStores, AreThoseThatARunLeaves) {
  const auto tiny = experiment({{"full_models", "7"}, {"oracle_models", "9"}});
  run(tiny);
  EXPECT_EQ(planned(tiny), there());
  EXPECT_EQ(planned(tiny).at("matched-late").second, 5);  // of 9 oracles 4 judge
}

TEST_F(PlannedStores, OfASweepAreThoseThatItLeaves) {
  const auto tiny = experiment();
  put_file(folder_ / "grid.toml", R"(
[[datamodels]]
name = "half"
subset_models = 12
alpha = 0.5
[[datamodels]]
name = "same"
subset_models = 0
prior = "none"
[[method]]
name = "gradient ascent"
kind = "gradient_ascent"
learning_rate = [1e-4, 1e-3]
[[method]]
name = "predicted"
kind = "prediction"
[[method]]
name = "DMM"
kind = "matching"
datamodels = "half"
retain_points = 10
[[method]]
name = "oracle matching"
kind = "matching"
targets = "oracle"
retain_points = 10
)");
  const auto sweep = read_sweep_config(folder_ / "grid.toml");
  tiny.train();
  tiny.attribute();
  run_sweep(tiny, sweep);
  EXPECT_EQ(planned(tiny, &sweep), there());
}

TEST_F(PlannedStores, SayWhichNeedPredictions) {
  const auto tiny = experiment();
  for (const auto& store : planned_stores(tiny.config())) {
    const bool is_student = store.name.starts_with("dmm-") || store.name.starts_with("matched-");
    EXPECT_EQ(store.unlearned, is_student) << store.name;
  }
}

}  // namespace
}  // namespace expunge
