// The stages of an experiment: what they leave, that they can be repeated, and what they refuse.
#include "expunge/pipeline/experiment.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/safetensors.h"
#include "expunge/core/worker_pool.h"
#include "pipeline/tiny_experiment.h"
#include "train/store_files.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

using ExperimentFolder = TinyExperiment;

TEST_F(ExperimentFolder, HoldsEveryPromisedFile) {
  run(experiment());
  const auto has = [&](const std::string& file, at::IntArrayRef shape, torch::ScalarType dtype) {
    const auto array = read(file);
    EXPECT_EQ(array.sizes(), shape) << file;
    EXPECT_EQ(array.scalar_type(), dtype) << file;
  };
  const std::map<std::string, std::pair<int64_t, bool>> stores = {
      {"subset", {10, false}},      {"full", {8, true}},        {"oracle-pair", {12, false}},
      {"oracle-late", {12, false}}, {"dmm-pair", {8, true}},    {"dmm-late", {8, true}},
      {"matched-pair", {6, true}},  {"matched-late", {6, true}}};
  for (const auto& [name, size] : stores) {
    const auto& [models, weights] = size;
    has(name + "/masks.npy", {models, n}, torch::kBool);
    has(name + "/logits.npy", {models, m, 3}, torch::kFloat32);
    has(name + "/_completed.npy", {models}, torch::kBool);
    EXPECT_EQ(EnsembleStore::open(folder_ / "out" / name).description().name, name);
    EXPECT_FALSE(fs::exists(folder_ / "out" / name / "shards")) << name;
    for (int64_t row = 0; row < models; ++row) {
      EXPECT_EQ(fs::exists(folder_ / "out" / name / fmt::format("weights/{:05}.safetensors", row)),
                weights)
          << name;
    }
  }
  has("labels.npy", {m}, torch::kInt64);
  for (const std::string set : {"pair", "late"}) {
    has(fmt::format("shift-{}.npy", set), {m, 3}, torch::kFloat32);
    for (const std::string method :
         {"do-nothing", "dm-direct", "dmm", "oracle-matching", "retraining"})
      has(fmt::format("klom-{}-{}.npy", set, method), {m}, torch::kFloat64);
  }
  const auto record = nlohmann::json::parse(read_file(folder_ / "out" / "attribution.json"));
  EXPECT_GT(record.at("lambda").get<double>(), 0);
  EXPECT_EQ(record.at("held_out_error").size(), 13U);
  EXPECT_TRUE(record.at("options").contains("prior"));
  for (const std::string file : {"config.toml", "table.csv", "table.json", "report.html"})
    EXPECT_GT(fs::file_size(folder_ / "out" / file), 100U) << file;
}

TEST_F(ExperimentFolder, ConfigurationThatIsKeptReadsAgainAsTheSame) {
  const auto first = experiment();
  const auto there = folder_ / "out" / "config.toml";
  EXPECT_EQ(identity_toml(read_run_config(there)), read_file(there));
  EXPECT_EQ(identity_toml(first.config()), read_file(there));
}

TEST_F(ExperimentFolder, MasksLeaveOutTheForgetSetAlone) {
  experiment().train();
  auto expected = torch::ones({12, n}, torch::kBool);
  expected.index_fill_(1, torch::tensor({3, 7, 12, 30}), false);
  EXPECT_TRUE(torch::equal(read("oracle-pair/masks.npy"), expected));
  EXPECT_TRUE(read("full/masks.npy").all().item<bool>());
  // Two blocks of five balanced masks.
  EXPECT_TRUE(torch::logical_not(read("subset/masks.npy")).sum(0).eq(2).all().item<bool>());
}

TEST_F(ExperimentFolder, RunningAgainChangesNoByte) {
  run(experiment());
  auto before = arrays_and_weights(folder_ / "out");
  const auto table = read_file(folder_ / "out" / "table.json");
  const auto record = read_file(folder_ / "out" / "attribution.json");
  run(experiment());
  expect_same_files(before, arrays_and_weights(folder_ / "out"));
  EXPECT_EQ(read_file(folder_ / "out" / "table.json"), table);
  EXPECT_EQ(read_file(folder_ / "out" / "attribution.json"), record);
}

TEST_F(ExperimentFolder, BytesDoNotDependOnTheNumberOfWorkers) {
  run(experiment({}, "out", 1));
  run(experiment({}, "three", 3));
  expect_same_files(arrays_and_weights(folder_ / "out"), arrays_and_weights(folder_ / "three"));
  EXPECT_EQ(read_file(folder_ / "out" / "table.json"), read_file(folder_ / "three" / "table.json"));
}

TEST_F(ExperimentFolder, AnotherSeedChangesEveryEnsemble) {
  run(experiment());
  run(experiment({{"seed", "1"}}, "other"));
  for (const std::string name : {"subset", "full", "oracle-pair", "dmm-pair", "matched-late"})
    EXPECT_FALSE(torch::equal(read(name + "/logits.npy"), read(name + "/logits.npy", "other")));
}

// Asks for a stop once a run has made so many rows.
class StopAfter final : public ProgressSink {
 public:
  explicit StopAfter(int64_t rows) : left_(rows) {}
  void update(std::string_view, int64_t done, int64_t, int64_t resumed) override {
    if (done > resumed && --left_ == 0) request_interrupt();
  }

 private:
  int64_t left_;
};

TEST_F(ExperimentFolder, InterruptedInEveryStageItEndsWithTheSameBytes) {
  run(experiment());
  int interrupted = 0;
  for (bool done = false; !done;) {
    StopAfter stop(9);
    try {
      run(experiment({}, "resumed", 2, &stop));
      done = true;
    } catch (const Interrupted&) {
      ++interrupted;
    }
    clear_interrupt();
  }
  EXPECT_GE(interrupted, 5);  // of 70 rows in all
  expect_same_files(arrays_and_weights(folder_ / "out"), arrays_and_weights(folder_ / "resumed"));
}

class OtherConfiguration : public TinyExperiment {
 protected:
  std::string refusal(const std::string& text) {
    return message_of<InputError>([&] { experiment_of(text); });
  }
  std::string required(const std::string& there, const std::string& now) const {
    return (folder_ / "out").string() + ": holds an experiment with another configuration (" +
           there + " there, " + now + " now); choose another --out or remove this one";
  }
};

TEST_F(OtherConfiguration, IsRefusedNamingTheFirstLineThatDiffers) {
  experiment();
  const auto before = read_file(folder_ / "out" / "config.toml");
  const auto text = config_text();
  EXPECT_EQ(refusal(config_text({{"epochs", "3"}})), required("epochs = 2", "epochs = 3"));
  EXPECT_EQ(refusal(config_text({{"epochs", "20"}})), required("epochs = 2", "epochs = 20"));
  EXPECT_EQ(refusal(config_text({{"hidden", "[8, 8]"}})),
            required("hidden = [8]", "hidden = [8, 8]"));
  EXPECT_EQ(refusal("name = \"mine\"" + text.substr(text.find('\n'))),
            required("name = \"tiny\"", "name = \"mine\""));
  EXPECT_EQ(read_file(folder_ / "out" / "config.toml"), before);
}

TEST_F(OtherConfiguration, IsOneWithLessForgetSetsOrOthersBeforeThem) {
  experiment();
  const auto text = config_text();
  const auto last = text.rfind("[[forget_set]]");
  EXPECT_EQ(refusal(text.substr(0, last)), required("[[forget_set]]", "nothing more"));
  const std::string more = "[[forget_set]]\nname = \"x\"\nfile = \"pair.txt\"\n";
  EXPECT_EQ(refusal(text.substr(0, last) + more + text.substr(last)),
            required("name = \"late\"", "name = \"x\""));
  EXPECT_EQ(refusal(config_text({{"epochs", "3"}}) + more), required("epochs = 2", "epochs = 3"));
}

TEST_F(ExperimentFolder, TakesMoreForgetSetsAndTrainsNothingAnew) {
  const auto text = config_text();
  const std::string more =
      "[[forget_set]]\nname = \"other\"\nfile = \"other.txt\"\ndescription = \"later\"\n";
  put_file(folder_ / "other.txt", "20\n21\n");
  run(experiment());
  const auto before = fs::last_write_time(folder_ / "out" / "oracle-pair" / "logits.npy");
  EXPECT_EQ(run(experiment_of(text + more)).forget_sets.size(), 3U);
  EXPECT_EQ(fs::last_write_time(folder_ / "out" / "oracle-pair" / "logits.npy"), before);
  run(experiment_of(text + more, "whole"));
  expect_same_files(arrays_and_weights(folder_ / "out"), arrays_and_weights(folder_ / "whole"));
  EXPECT_EQ(read_file(folder_ / "out" / "config.toml"),
            read_file(folder_ / "whole" / "config.toml"));
}

TEST_F(OtherConfiguration, TheSameWrittenOtherwiseIsTheSame) {
  experiment();
  auto text = config_text();
  text.replace(text.find("[recipe]"), 8, "[recipe]  # how\nmomentum = 0.90  # the default");
  EXPECT_NO_THROW(experiment_of("# a comment\n" + text));
}

TEST_F(OtherConfiguration, AnOptionThatIsNewSinceHasItsDefault) {
  experiment();
  const auto path = folder_ / "out" / "config.toml";
  auto there = read_file(path);
  const std::string option = "estimator = \"auto\"\n";
  ASSERT_NE(there.find(option), std::string::npos);
  put_file(path, there.replace(there.find(option), option.size(), ""));
  EXPECT_NO_THROW(experiment());
  auto text = config_text();
  text.replace(text.find("[recipe]"), 8, "[attribution]\nestimator = \"lasso\"\n[recipe]");
  EXPECT_EQ(refusal(text), required("estimator = \"auto\"", "estimator = \"lasso\""));
  put_file(path, "name = \"torn");
  EXPECT_SAYS(refusal(config_text()), "name = \"torn there");
}

TEST_F(ExperimentFolder, IsNotClaimedForANetworkThatTheImagesAreTooSmallFor) {
  auto text = config_text();
  text.replace(text.find("[recipe]"), 8, "[recipe]\nnetwork = \"resnet9\"");
  EXPECT_SAYS(message_of<InputError>([&] { experiment_of(text); }), "at least 12 x 12 pixels");
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(ExperimentFolder, IsNotClaimedForInputsThatAreNotSound) {
  const auto refused = [&](const std::string& words) {
    EXPECT_SAYS(message_of<Error>([&] { experiment(); }), words);
    EXPECT_FALSE(fs::exists(folder_ / "out"));
  };
  put_file(folder_ / "late.txt", "57\n60\n");
  refused((folder_ / "late.txt").string() + ":2: an index from 0 to 59 required");
  fs::remove(folder_ / "late.txt");
  refused((folder_ / "late.txt").string() + ": cannot be opened");
  put_file(folder_ / "late.txt", "57\n");
  fs::remove(folder_ / "data" / "val_labels.npy");
  refused((folder_ / "data" / "val_labels.npy").string() + ": cannot be opened");
}

class Stages : public TinyExperiment {
 protected:
  template <class E = InputError>
  std::string refusal(const std::function<void(const Experiment&)>& stage) {
    return message_of<E>([&] { stage(experiment()); });
  }
  static void evaluate_it(const Experiment& e) { evaluate(e, ""); }
};

TEST_F(Stages, NameTheCommandThatIsToBeRunFirst) {
  const auto store_missing = [&](const std::string& name, const std::string& command) {
    return path_of(name) + ": a finished ensemble required, none there; make it with: expunge " +
           command;
  };
  const auto shift_missing =
      path_of("shift-pair.npy") +
      ": a predicted shift required, none there; make it with: expunge attribute";
  EXPECT_EQ(refusal(&Experiment::attribute), store_missing("subset", "train"));
  EXPECT_EQ(refusal(&Experiment::unlearn), shift_missing);
  EXPECT_EQ(refusal(evaluate_it), store_missing("oracle-pair", "train"));
  experiment().train();
  EXPECT_EQ(refusal(&Experiment::unlearn), shift_missing);
  EXPECT_EQ(refusal(evaluate_it), shift_missing);
  experiment().attribute();
  EXPECT_EQ(refusal(evaluate_it), store_missing("dmm-pair", "unlearn"));
  experiment().unlearn();
  fs::remove(folder_ / "out" / "attribution.json");
  EXPECT_EQ(refusal(evaluate_it),
            path_of("attribution.json") +
                ": the record of a fit required, none there; make it with: expunge attribute");
}

TEST_F(Stages, GoOnWithAnEnsembleThatIsNotFinished) {
  StopAfter stop(7);
  EXPECT_THROW(experiment({}, "out", 1, &stop).train(), Interrupted);
  clear_interrupt();
  EXPECT_EQ(refusal(&Experiment::attribute),
            path_of("subset") +
                ": a finished ensemble required, this one is not; go on with: expunge train");
}

// What is in the files that a configuration names may change behind its back.
TEST_F(Stages, ANewForgetSetOfTheSameNameIsRefused) {
  run(experiment());
  put_file(folder_ / "late.txt", "57\n58\n56\n");
  const auto changed =
      ": made for examples to forget that have changed since; put the files back as they were or "
      "choose another --out";
  EXPECT_SAYS(refusal(&Experiment::train),
              "excluded is \"[57, 58, 59]\" there and \"[56, 57, 58]\"");
  EXPECT_EQ(refusal(&Experiment::unlearn), path_of("oracle-late") + changed);
  EXPECT_EQ(refusal(evaluate_it), path_of("oracle-late") + changed);
  put_file(folder_ / "late.txt", "57\n58\n59\n");
  EXPECT_NO_THROW(evaluate_it(experiment()));
}

TEST_F(Stages, NewDataOfTheSameNameAreRefused) {
  run(experiment());
  auto train = tiny_dataset(n, 1, 1, 6);
  train.images[5][0][2][2] += 1;
  write_data(train, tiny_dataset(m - n, 2, 1, 6));
  const auto changed =
      ": made for data that have changed since; put the files back as they were or choose another "
      "--out";
  EXPECT_SAYS(refusal(&Experiment::train), path_of("subset") + ": holds another ensemble (data is");
  EXPECT_EQ(refusal(&Experiment::attribute), path_of("subset") + changed);
  EXPECT_EQ(refusal(&Experiment::unlearn), path_of("full") + changed);
  EXPECT_EQ(refusal(evaluate_it), path_of("oracle-pair") + changed);
}

TEST_F(Stages, DivergingUnlearningNamesEnsembleAndModel) {
  const auto e =
      experiment_of(config_text() + "[matching]\nengine = \"gradient\"\nlearning_rate = 1e30\n");
  e.train();
  e.attribute();
  EXPECT_SAYS(message_of<NonFiniteError>([&] { e.unlearn(); }),
              "ensemble dmm-pair, model 0: gradient matching diverged: loss ");
}

TEST_F(Stages, AModelWithoutItsCostIsRefusedByName) {
  run(experiment());
  const auto path = folder_ / "out" / "dmm-pair" / "weights" / "00003.safetensors";
  auto file = read_safetensors(path);
  file.metadata.erase("expunge.crc32");  // it would tell
  for (const std::string cost : {"much", "-1", "nan", ""}) {
    file.metadata["expunge.sample_gradients"] = cost;
    write_safetensors(path, file.tensors, file.metadata);
    EXPECT_EQ(refusal(evaluate_it), path.string() +
                                        ": metadata \"expunge.sample_gradients\": a number "
                                        "required, got \"" +
                                        cost + "\"");
  }
  file.metadata.erase("expunge.sample_gradients");
  write_safetensors(path, file.tensors, file.metadata);
  EXPECT_EQ(
      refusal(evaluate_it),
      path.string() + ": metadata \"expunge.sample_gradients\": a number required, not there");
}

TEST_F(Stages, FilesThatAreNotSoundAreRefusedByName) {
  run(experiment());
  const auto shift = read("shift-late.npy");
  const auto path = folder_ / "out" / "shift-late.npy";
  write_npy(path, shift.narrow(0, 0, m - 1).contiguous());
  EXPECT_EQ(refusal(evaluate_it),
            path.string() + ": an array (75, 3) of Float required, got (74, 3) of Float");
  write_npy(path, shift.to(torch::kFloat64));
  EXPECT_EQ(refusal(evaluate_it),
            path.string() + ": an array (75, 3) of Float required, got (75, 3) of Double");
  write_npy(path, at::where(shift == shift.max(), shift * INFINITY, shift));
  EXPECT_EQ(refusal<NonFiniteError>(evaluate_it), path.string() + ": a shift is not finite");
  put_file(path, "no array");
  EXPECT_SAYS(refusal(evaluate_it), path.string() + ": ");
  write_npy(path, shift);
  for (const std::string text : {"", "{}", "[1]", "{\"held_out_error\": [{}], \"lambda\": 1}",
                                 "{\"held_out_error\": [1], \"lambda\": \"x\"}"}) {
    put_file(folder_ / "out" / "attribution.json", text);
    EXPECT_EQ(refusal(evaluate_it),
              path_of("attribution.json") +
                  ": the record of a fit required, this is none; make it with: expunge attribute");
  }
}

}  // namespace
}  // namespace expunge
