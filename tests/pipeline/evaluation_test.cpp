// What is compared with what: every method's KLoM computed once more from the stores.
#include "expunge/pipeline/evaluation.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "expunge/core/atomic_file.h"
#include "expunge/evaluate/margins.h"
#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

class Evaluation : public TinyExperiment {
 protected:
  torch::Tensor margins_of(const std::string& store) {
    return margins(read(store + "/logits.npy"), labels_);
  }
  void run_it() { run_it(config_text()); }
  void run_it(const std::string& text) {
    const auto e = experiment_of(text);
    labels_ = e.problem().labels;
    data_ = run(e);
  }
  torch::Tensor labels_;
  ReportData data_;
};

TEST_F(Evaluation, EveryMethodIsComparedWithTheJudgingOracles) {
  run_it();
  const auto oracles = margins_of("oracle-pair");
  const auto judging = oracles.narrow(0, 0, judges);
  const auto others = oracles.narrow(0, judges, judges);
  const auto full = margins_of("full");
  const auto predicted = margins(read("full/logits.npy") + read("shift-pair.npy"), labels_);
  const std::map<std::string, torch::Tensor> methods = {
      {"do-nothing", full},
      {"dm-direct", predicted},
      {"dmm", margins_of("dmm-pair")},
      {"oracle-matching", margins_of("matched-pair")},
      {"retraining", others}};
  for (const auto& [name, models] : methods) {
    const auto there = read("klom-pair-" + name + ".npy");
    EXPECT_TRUE(torch::equal(there, klom(models, judging))) << name;
    // Swapped sides, or the other half of the oracles, would be noticed.
    EXPECT_FALSE(torch::equal(there, klom(judging, models))) << name;
    EXPECT_FALSE(torch::equal(there, klom(models, others))) << name;
  }
}

TEST_F(Evaluation, TablesHoldThePercentilesOfTheFiles) {
  run_it();
  const auto json = nlohmann::json::parse(read_file(folder_ / "out" / "table.json"));
  EXPECT_EQ(json.at("name"), "tiny");
  EXPECT_EQ(json.at("models_a_side"), 6);
  EXPECT_EQ(json.at("warnings").size(), 1U);  // fewer than 80 models a side
  EXPECT_EQ(json.at("up_front").at("models"), 10);
  EXPECT_DOUBLE_EQ(json.at("up_front").at("trainings").get<double>(), 8);
  const std::vector<std::string> files = {"do-nothing", "dm-direct", "dmm", "oracle-matching",
                                          "retraining"};
  const std::vector<std::string> names = {"do nothing", "dm-direct", "DMM", "oracle matching",
                                          "retraining"};
  const auto& set = json.at("forget_sets").at(0);
  EXPECT_EQ(set.at("name"), "pair");
  EXPECT_EQ(set.at("size"), 4);
  ASSERT_EQ(set.at("methods").size(), files.size());
  const std::vector<int64_t> forget = {3, 7, 12, 30};
  for (size_t i = 0; i < files.size(); ++i) {
    const auto& method = set.at("methods").at(i);
    EXPECT_EQ(method.at("method"), names[i]);
    const auto klom = read("klom-pair-" + files[i] + ".npy");
    std::map<std::string, std::vector<double>> groups;
    for (int64_t j = 0; j < m; ++j) {
      const bool forgotten = std::find(forget.begin(), forget.end(), j) != forget.end();
      const double value = klom[j].item<double>();
      groups[j >= n ? "validation" : forgotten ? "forget" : "retain"].push_back(value);
      groups["all"].push_back(value);
    }
    for (auto& [group, values] : groups) {
      std::sort(values.begin(), values.end());
      const double place = 0.95 * static_cast<double>(values.size() - 1);
      const auto below = static_cast<size_t>(place);
      const double p95 =
          values[below] + (place - static_cast<double>(below)) *
                              (values[std::min(below + 1, values.size() - 1)] - values[below]);
      EXPECT_NEAR(method.at(group).at("p95").get<double>(), p95, 1e-12) << names[i] << group;
      EXPECT_EQ(method.at(group).at("points"), values.size());
    }
  }
  EXPECT_EQ(set.at("floor_p95"), set.at("methods").at(4).at("all").at("p95"));
  EXPECT_EQ(set.at("methods").at(0).at("cost_share_of_training"), 0.0);
  EXPECT_EQ(set.at("methods").at(4).at("cost_share_of_training"), 1.0);
}

TEST_F(Evaluation, TheTableOfRecordsHasALineForEveryGroup) {
  run_it();
  std::istringstream lines(read_file(folder_ / "out" / "table.csv"));
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  EXPECT_EQ(all.size(), 1U + 2 * 5 * 3);
  EXPECT_EQ(all[0].rfind("forget_set,method,role,group,p95", 0), 0U) << all[0];
  EXPECT_EQ(all[1].rfind("pair,do nothing,", 0), 0U) << all[1];
  EXPECT_EQ(all.back().rfind("late,retraining,", 0), 0U) << all.back();
}

TEST_F(Evaluation, CostsAreThoseThatTheModelsRecord) {
  run_it();
  const auto store = EnsembleStore::open(folder_ / "out" / "dmm-pair");
  double total = 0;
  for (int64_t row = 0; row < 8; ++row)
    total += std::stod(store.model(row).metadata.at("expunge.sample_gradients"));
  // 60 examples, 2 epochs.
  EXPECT_GT(total, 0);
  EXPECT_NEAR(data_.forget_sets[0].rows[2].cost_share.value(), total / 8 / (60 * 2), 1e-12);
}

TEST_F(Evaluation, HalvesAsLogitsGoTheSameWay) {
  run_it(config_text({{"logits_dtype", "\"float16\""}}));
  EXPECT_EQ(read("full/logits.npy").scalar_type(), torch::kFloat16);
  EXPECT_EQ(read("dmm-pair/logits.npy").scalar_type(), torch::kFloat16);
  EXPECT_TRUE(
      torch::equal(read("klom-pair-do-nothing.npy"),
                   klom(margins_of("full"), margins_of("oracle-pair").narrow(0, 0, judges))));
}

// Labels that are wrong can only be learnt by heart: full models know them and oracles do not.
class LearntByHeart : public Evaluation {
 protected:
  LearntByHeart() {
    auto train = tiny_dataset(n, 1, 1, 6);
    for (const int64_t i : forget_) train.labels[i] = (train.labels[i] + 1) % 3;
    write_data(train, tiny_dataset(m - n, 2, 1, 6));
    run_it(config_text({{"epochs", "40"}, {"hidden", "[16]"}, {"subset_models", "40"}}));
  }
  // Means over models of the margins of the forget set, together.
  double forget_margin(const std::string& store, int64_t first, int64_t count) {
    return margins_of(store)
        .narrow(0, first, count)
        .index_select(1, torch::tensor(forget_))
        .mean()
        .item<double>();
  }
  std::vector<int64_t> forget_ = {12, 3, 30, 7};
};

TEST_F(LearntByHeart, DoingNothingIsAboveTheFloorOnTheForgetSet) {
  const auto& rows = data_.forget_sets[0].rows;
  EXPECT_GT(rows[0].klom.forget.mean, rows[4].klom.forget.mean + 1);
  EXPECT_GT(forget_margin("full", 0, 8), forget_margin("oracle-pair", 0, judges) + 2);
}

TEST_F(LearntByHeart, UnlearningGoesTowardsTheOracles) {
  const auto& rows = data_.forget_sets[0].rows;
  for (const int method : {1, 2, 3})
    EXPECT_LT(rows[static_cast<size_t>(method)].klom.forget.mean, rows[0].klom.forget.mean)
        << method;
  const double full = forget_margin("full", 0, 8);
  const double oracle = forget_margin("oracle-pair", 0, judges);
  for (const auto& [store, models] :
       {std::pair<std::string, int64_t>{"dmm-pair", 8}, {"matched-pair", 6}}) {
    const double share = (full - forget_margin(store, 0, models)) / (full - oracle);
    EXPECT_GT(share, 0.5) << store;
    EXPECT_LT(share, 1.6) << store;
  }
}

TEST_F(LearntByHeart, EachStudentGoesTowardsItsOwnTarget) {
  const auto index = torch::tensor(forget_);
  const auto full = read("full/logits.npy").index_select(1, index);
  const auto oracles = read("oracle-pair/logits.npy").index_select(1, index);
  const auto matched = read("matched-pair/logits.npy").index_select(1, index);
  const auto dmm = read("dmm-pair/logits.npy").index_select(1, index);
  const auto shift = read("shift-pair.npy").index_select(0, index);
  const auto distance = [](const torch::Tensor& a, const torch::Tensor& b) {
    return (a - b).square().mean().sqrt().item<double>();
  };
  const auto notes = EnsembleStore::open(folder_ / "out" / "matched-pair");
  for (int64_t i = 0; i < 6; ++i) {
    const auto own = oracles[judges + i];
    EXPECT_LT(distance(matched[i], own), 0.3 * distance(full[i], own)) << i;
    // The record is of the distance to the target: it tells which one that was.
    const auto metadata = notes.model(i).metadata;
    EXPECT_EQ(metadata.at("expunge.unlearned"), "[12, 3, 30, 7]");
    EXPECT_NEAR(std::stod(metadata.at("expunge.forget_error_before")), distance(full[i], own),
                1e-4);
    EXPECT_NEAR(std::stod(metadata.at("expunge.forget_error_after")), distance(matched[i], own),
                1e-4);
  }
  for (int64_t i = 0; i < 8; ++i) {
    const auto own = full[i] + shift;
    EXPECT_LT(distance(dmm[i], own), 0.3 * distance(full[i], own)) << i;
  }
}

}  // namespace
}  // namespace expunge
