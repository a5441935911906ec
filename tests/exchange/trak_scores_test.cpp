// Scores of the trak package, as its MmapSaver lays them out.
#include "expunge/exchange/trak_scores.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "message_of.h"
#include "nan.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

class TrakScores : public testing::Test {
 protected:
  TrakScores() { fs::create_directories(folder_ / "save" / "scores"); }
  void put(const torch::Tensor& scores, const std::string& name = "quick") {
    write_npy(folder_ / "save" / "scores" / (name + ".mmap"), scores);
  }
  TrakFound import(const std::string& name = "quick") {
    return import_trak_scores(folder_ / "save", name, folder_ / "out.npy");
  }
  std::string refusal(const std::string& name = "quick") {
    return message_of<InputError>([&] { import(name); });
  }
  ScratchFolder folder_;
  const torch::Tensor scores_ = (torch::arange(12, torch::kFloat32) / 4 - 1).view({4, 3});
  const std::string path_ = (folder_ / "save/scores/quick.mmap").string();
};

TEST_F(TrakScores, BecomeFloat32) {
  put(scores_.to(torch::kFloat16));
  put_file(folder_ / "save/experiments.json",
           R"({"quick": {"num_targets": 3, "scores_path": "/elsewhere", "scores_finalized": 0}})");
  put_file(folder_ / "save/metadata.json",
           R"({"JL dimension": 512, "JL matrix type": "rademacher", "train set size": 4})");
  const auto found = import();
  EXPECT_EQ(found.n, 4);
  EXPECT_EQ(found.targets, 3);
  EXPECT_EQ(found.dtype, "float16");
  EXPECT_EQ(found.empty_targets, 0);
  EXPECT_TRUE(torch::equal(read_npy(folder_ / "out.npy"), scores_));
  EXPECT_EQ(import_trak_scores(path_, "", folder_ / "file.npy").n, 4);
  EXPECT_TRUE(torch::equal(read_npy(folder_ / "file.npy"), scores_));
}

TEST_F(TrakScores, ThatTheFoldersRecordsContradictAreRefused) {
  put(scores_);
  put_file(folder_ / "save/experiments.json", R"({"quick": {"num_targets": 5}})");
  EXPECT_EQ(refusal(), path_ + ": 5 num_targets required, as " +
                           (folder_ / "save/experiments.json").string() + " says, got 3");
  put_file(folder_ / "save/experiments.json", R"({"quick": {"num_targets": 3}, "slow": {}})");
  put_file(folder_ / "save/metadata.json", R"({"train set size": "many"})");
  EXPECT_NE(refusal().find("\"many\" train set size required"), std::string::npos);
  put_file(folder_ / "save/metadata.json", "{");
  EXPECT_NE(refusal().find("metadata.json: a JSON object required"), std::string::npos);
  EXPECT_EQ(refusal("fast"), (folder_ / "save").string() +
                                 ": the name of one of its experiments required (quick, slow), got "
                                 "\"fast\"");
  EXPECT_FALSE(fs::exists(folder_ / "out.npy"));
}

TEST_F(TrakScores, RefusalsAreOneLine) {
  put(scores_);
  put_file(folder_ / "save/experiments.json", R"({"a\nb": {}, "quick": {"num_targets": [[1]]}})");
  EXPECT_NE(refusal("slow").find("(a?b, quick)"), std::string::npos);
  EXPECT_NE(refusal().find(": [...] num_targets required"), std::string::npos);
}

TEST_F(TrakScores, ThatAreNoneAreRefused) {
  put(torch::zeros({4, 3}));
  EXPECT_EQ(refusal(), path_ + ": scores required, got zeros alone: not finalised");
  put(scores_.flatten());
  EXPECT_NE(refusal().find("got (12) of Float"), std::string::npos);
  put(scores_.to(torch::kFloat64));
  EXPECT_NE(refusal().find("got (4, 3) of Double"), std::string::npos);
  auto bad = scores_.clone();
  bad[2][1] = kNan;
  put(bad);
  EXPECT_NE(message_of<NonFiniteError>([&] { import(); }).find("(example 2, target 1)"),
            std::string::npos);
  put_file(path_, read_file(path_).substr(0, 140));
  EXPECT_NE(refusal().find(path_), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "out.npy"));
}

TEST_F(TrakScores, TargetsThatWereNotScoredAreCounted) {
  auto some = scores_.clone();
  some.select(1, 2).zero_();
  put(some);
  EXPECT_EQ(import().empty_targets, 1);
}

TEST_F(TrakScores, AreExportedBesideOthers) {
  put_file(folder_ / "save/experiments.json", R"({"other": {"num_targets": 9}})");
  export_trak_scores(scores_, folder_ / "save", "ours");
  const auto json = nlohmann::json::parse(read_file(folder_ / "save/experiments.json"));
  EXPECT_EQ(json["other"]["num_targets"], 9);
  EXPECT_EQ(json["ours"]["num_targets"], 3);
  EXPECT_EQ(json["ours"]["scores_path"], (folder_ / "save/scores/ours.mmap").string());
  EXPECT_TRUE(torch::equal(read_npy(folder_ / "save/scores/ours.mmap"), scores_));
  EXPECT_TRUE(import("ours").n == 4);
  EXPECT_EQ(
      message_of<InputError>([&] { export_trak_scores(scores_, folder_ / "save", "ours"); }),
      (folder_ / "save").string() + ": an experiment that is not there yet required, got ours");
  EXPECT_THROW(export_trak_scores(scores_, folder_ / "save", "a/b"), OptionError);
  put_file(folder_ / "save/experiments.json", "[]");
  EXPECT_THROW(export_trak_scores(scores_, folder_ / "save", "new"), InputError);
  EXPECT_FALSE(fs::exists(folder_ / "save/scores/new.mmap"));
}

}  // namespace
}  // namespace expunge
