// Stores of the datamodels package, as its initialize_store and worker lay them out.
#include "expunge/exchange/datamodels_store.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/train/ensemble_store.h"
#include "message_of.h"
#include "nan.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kRows = 6;
constexpr int64_t kExamples = 5;
constexpr int64_t kPoints = 8;

class DatamodelsStore : public testing::Test {
 protected:
  DatamodelsStore() {
    fs::create_directories(source_);
    completed_[1] = false;
    completed_[4] = false;
    // Examples 0 and 4: seen by every completed model, and by none.
    masks_.select(1, 0).fill_(true);
    masks_.select(1, 4).fill_(false);
    masks_[1].fill_(true);
    write_npy(source_ / "masks.npy", masks_);
    write_npy(source_ / "_completed.npy", completed_);
  }
  void put_logits(const torch::Tensor& logits) { write_npy(source_ / "logits.npy", logits); }
  DatamodelsFound import() {
    return import_datamodels(datamodels_source(source_), folder_ / "out");
  }
  std::string refusal() {
    return message_of<InputError>([&] { import(); });
  }
  [[nodiscard]] std::string path_of(const char* name) const { return (source_ / name).string(); }

  ScratchFolder folder_;
  fs::path source_ = folder_ / "store";
  torch::Tensor masks_ =
      torch::arange(kRows * kExamples).remainder(4).ne(0).view({kRows, kExamples}).clone();
  torch::Tensor completed_ = torch::ones({kRows}, torch::kBool);
  torch::Tensor logits_ =
      (torch::arange(kRows * kPoints * 3, torch::kFloat32) / 7 - 9).view({kRows, kPoints, 3});
  const torch::Tensor there_ = torch::tensor({0, 2, 3, 5});
};

TEST_F(DatamodelsStore, CompletedRowsBecomeAStore) {
  put_logits(logits_);
  const auto found = import();
  EXPECT_EQ(found.rows, kRows);
  EXPECT_EQ(found.models, 4);
  EXPECT_EQ(found.n, kExamples);
  EXPECT_EQ(found.m, kPoints);
  EXPECT_EQ(found.classes, 3);
  EXPECT_EQ(found.dtype, "float32");
  EXPECT_EQ(found.never_left_out, 1);
  EXPECT_EQ(found.always_left_out, 1);
  EXPECT_DOUBLE_EQ(found.alpha,
                   masks_.index_select(0, there_).to(torch::kFloat64).mean().item<double>());
  EXPECT_DOUBLE_EQ(found.lowest, -9);
  EXPECT_FLOAT_EQ(static_cast<float>(found.highest), logits_[5][7][2].item<float>());
  const auto store = EnsembleStore::open(folder_ / "out");
  EXPECT_TRUE(store.is_complete());
  EXPECT_TRUE(torch::equal(store.masks(), masks_.index_select(0, there_)));
  EXPECT_TRUE(torch::equal(store.logits(), logits_.index_select(0, there_)));
  EXPECT_FALSE(fs::exists(folder_ / "out" / "margins.npy"));
}

TEST_F(DatamodelsStore, WithoutCompletedAllRowsCount) {
  put_logits(logits_.to(torch::kFloat16));
  fs::remove(source_ / "_completed.npy");
  EXPECT_EQ(import().models, kRows);
  EXPECT_TRUE(
      torch::equal(EnsembleStore::open(folder_ / "out").logits(), logits_.to(torch::kFloat16)));
}

TEST_F(DatamodelsStore, MarginsBecomeOneClassAndMargins) {
  const auto margins = logits_.select(2, 1).to(torch::kFloat16).contiguous();
  write_npy(source_ / "margins.npy", margins);
  const auto found = import();
  EXPECT_EQ(found.classes, 0);
  EXPECT_EQ(found.dtype, "float16");
  const auto expected = margins.index_select(0, there_);
  EXPECT_TRUE(
      torch::equal(read_npy(folder_ / "out" / "margins.npy"), expected.to(torch::kFloat32)));
  EXPECT_TRUE(torch::equal(EnsembleStore::open(folder_ / "out").logits(), expected.unsqueeze(2)));
}

// As the released data are: training and test points apart.
TEST_F(DatamodelsStore, ArraysOfPointsAreJoinedInTheOrderGiven) {
  write_npy(folder_ / "train.npy", logits_.narrow(1, 0, 5).to(torch::kFloat64).contiguous());
  write_npy(folder_ / "test.npy", logits_.narrow(1, 5, 3).to(torch::kFloat64).contiguous());
  const auto found = import_datamodels(
      {source_ / "masks.npy", {folder_ / "train.npy", folder_ / "test.npy"}, {}}, folder_ / "out");
  EXPECT_EQ(found.m, kPoints);
  EXPECT_TRUE(torch::equal(EnsembleStore::open(folder_ / "out").logits(), logits_));
}

TEST_F(DatamodelsStore, WhatDoesNotFitIsNamed) {
  EXPECT_EQ(refusal(), source_.string() + ": logits.npy or margins.npy required, neither is there");
  put_logits(logits_.narrow(0, 0, 5).contiguous());
  EXPECT_NE(refusal().find("logits.npy: floats (6, points) or (6, points, classes) required"),
            std::string::npos);
  put_logits(logits_.to(torch::kInt64));
  EXPECT_NE(refusal().find("got (6, 8, 3) of Long"), std::string::npos);
  put_logits(logits_);
  write_npy(source_ / "_completed.npy", torch::zeros({kRows}, torch::kBool));
  EXPECT_EQ(refusal(),
            path_of("_completed.npy") + ": at least one completed row required, got none of 6");
  write_npy(source_ / "_completed.npy", torch::ones({kRows - 1}, torch::kBool));
  EXPECT_EQ(refusal(), path_of("_completed.npy") + ": (6) of Bool required, got (5) of Bool");
  fs::remove(source_ / "_completed.npy");
  write_npy(source_ / "masks.npy", masks_.to(torch::kFloat32));
  EXPECT_EQ(refusal(),
            path_of("masks.npy") +
                ": masks (models, training examples) of Bool required, got (6, 5) of Float");
  fs::remove(source_ / "masks.npy");
  EXPECT_EQ(refusal(), source_.string() + ": a store with masks.npy required, not there");
  EXPECT_NE(message_of<InputError>([&] {
              write_npy(folder_ / "m.npy", masks_);
              write_npy(folder_ / "two.npy", logits_.narrow(2, 0, 2).contiguous());
              import_datamodels(
                  {folder_ / "m.npy", {source_ / "logits.npy", folder_ / "two.npy"}, {}},
                  folder_ / "out");
            }).find("two.npy: the number of classes and dtype of the array before it required"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "out" / "_completed.npy"));
}

TEST_F(DatamodelsStore, TruncatedFilesAreRefused) {
  put_logits(logits_);
  for (const char* name : {"masks.npy", "logits.npy", "_completed.npy"}) {
    const auto whole = read_file(source_ / name);
    for (const size_t size : {size_t{0}, size_t{9}, whole.size() - 1}) {
      put_file(source_ / name, whole.substr(0, size));
      EXPECT_NE(refusal().find(name), std::string::npos) << name << " " << size;
    }
    put_file(source_ / name, whole);
  }
  EXPECT_FALSE(fs::exists(folder_ / "out" / "ensemble.json"));
}

TEST_F(DatamodelsStore, AnOutputThatIsNotFiniteIsNamed) {
  logits_[2][6][1] = kNan;
  put_logits(logits_);
  EXPECT_EQ(
      message_of<NonFiniteError>([&] { import(); }),
      path_of("logits.npy") + ": finite outputs required, got NaN or infinity (row 2, point 6)");
  EXPECT_FALSE(fs::exists(folder_ / "out" / "_completed.npy"));
  logits_[2][6][1] = 0;
  logits_[1][6][1] = kNan;  // of a row that was never completed: no matter
  put_logits(logits_);
  EXPECT_EQ(import().models, 4);  // what was refused has left no store behind
}

TEST_F(DatamodelsStore, AFolderThatHoldsAStoreIsLeftAlone) {
  put_logits(logits_);
  import();
  const auto before = read_file(folder_ / "out" / "logits.npy");
  EXPECT_EQ(refusal(),
            (folder_ / "out").string() + ": a folder without an ensemble required, got one");
  EXPECT_EQ(read_file(folder_ / "out" / "logits.npy"), before);
}

TEST_F(DatamodelsStore, WhatIsExportedIsWhatTheirSpecDeclares) {
  const auto labels = torch::tensor({0, 1, 2, 0, 1, 2, 0, 1});
  export_datamodels(masks_, logits_, labels, folder_ / "out");
  const auto spec = nlohmann::json::parse(read_file(folder_ / "out" / "spec.json"));
  EXPECT_EQ(spec["num_models"], kRows);
  const std::map<std::string, torch::ScalarType> numpy = {
      {"bool_", torch::kBool}, {"float16", torch::kFloat16}, {"float32", torch::kFloat32}};
  EXPECT_EQ(spec["schema"].size(), 3U);
  for (const auto& [name, declared] : spec["schema"].items()) {
    const auto array = read_npy(folder_ / "out" / (name + ".npy"));
    auto shape = declared["shape"].get<std::vector<int64_t>>();
    shape.insert(shape.begin(), kRows);
    EXPECT_EQ(array.sizes(), at::IntArrayRef(shape)) << name;
    EXPECT_EQ(array.scalar_type(), numpy.at(declared["dtype"].get<std::string>())) << name;
  }
  const auto margins = read_npy(folder_ / "out" / "margins.npy");
  const auto z = logits_[3][4];
  const double expected =
      z[1].item<double>() - std::log(std::exp(z[0].item<double>()) + std::exp(z[2].item<double>()));
  EXPECT_NEAR(margins[3][4].item<double>(), expected, 1e-5);
  // And back.
  import_datamodels(datamodels_source(folder_ / "out"), folder_ / "again");
  EXPECT_TRUE(torch::equal(EnsembleStore::open(folder_ / "again").logits(), logits_));
  EXPECT_TRUE(torch::equal(EnsembleStore::open(folder_ / "again").masks(), masks_));
}

}  // namespace
}  // namespace expunge
