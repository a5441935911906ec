// EasyDUB's tree, as its data set's page and its load_margins_array() describe it.
#include "expunge/exchange/easydub_tree.h"

#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/data/forget_set.h"
#include "expunge/train/ensemble_store.h"
#include "message_of.h"
#include "nan.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTraining = 7;
constexpr int64_t kValidation = 3;
const std::vector<int64_t> kForget = {5, 0, 3};  // not in increasing order
const std::vector<int64_t> kRetain = {1, 2, 4, 6};

// A number for each model, point and class, which says where it comes from.
torch::Tensor outputs(bool oracle, int64_t id, int64_t classes) {
  const auto points = torch::arange(kTraining + kValidation, torch::kFloat32).unsqueeze(1);
  const auto all = points + torch::arange(classes, torch::kFloat32) / 10 +
                   100 * static_cast<double>(id) + (oracle ? 1000 : 0);
  return classes == 1 ? all.squeeze(1) : all;
}

class EasydubTree : public testing::Test {
 protected:
  void put(const std::string& kind, const std::string& part, int64_t id,
           const torch::Tensor& array) {
    const auto path = file(kind, part, id);
    fs::create_directories(path.parent_path());
    write_npy(path, array.contiguous());
  }
  [[nodiscard]] fs::path file(const std::string& kind, const std::string& part, int64_t id) const {
    return folder_ / "tree" / kind / "cifar10" / part / "resnet9" /
           fmt::format("id_{}_epoch_23.npy", id);
  }
  static torch::Tensor rows(const torch::Tensor& array, const std::vector<int64_t>& indices) {
    return array.index_select(0, torch::tensor(indices));
  }
  // Three full models and two oracles, written out by the tree's description.
  void put_tree(const std::string& kind, int64_t classes) {
    for (const int64_t id : {0, 2, 11}) {
      const auto all = outputs(false, id, classes);
      put(kind, "pretrain/retain", id, all.narrow(0, 0, kTraining));
      put(kind, "pretrain/val", id, all.narrow(0, kTraining, kValidation));
      put(kind, "pretrain/forget_4", id, rows(all, kForget) + (id == 2 ? 0.25 : 0.0));
    }
    for (const int64_t id : {1, 10}) {
      const auto all = outputs(true, id, classes);
      put(kind, "oracle/forget_4/retain", id, rows(all, kRetain));
      put(kind, "oracle/forget_4/forget", id, rows(all, kForget));
      put(kind, "oracle/forget_4/val", id, all.narrow(0, kTraining, kValidation));
    }
    const auto set = folder_ / "tree" / "forget_sets" / "cifar10" / "forget_set_4.npy";
    fs::create_directories(set.parent_path());
    write_npy(set, torch::tensor(kForget));
  }
  EasydubFound margins() {
    return import_easydub_margins(folder_ / "tree", folder_ / "out", {.forget_set = 4});
  }
  std::string refusal() {
    return message_of<InputError>([&] { margins(); });
  }
  ScratchFolder folder_;
};

TEST_F(EasydubTree, MarginsOfAllPointsComeInTheOrderOfTheTrainingSet) {
  put_tree("margins", 1);
  const auto found = margins();
  EXPECT_EQ(found.pretrain_models, 3);
  EXPECT_EQ(found.oracle_models, 2);
  EXPECT_EQ(found.n, kTraining);
  EXPECT_EQ(found.validation, kValidation);
  EXPECT_EQ(found.classes, 0);
  EXPECT_EQ(found.forget, 3);
  EXPECT_DOUBLE_EQ(found.largest_difference, 0.25);
  const auto expected = [](bool oracle, const std::vector<int64_t>& ids) {
    std::vector<torch::Tensor> models;
    for (const int64_t id : ids) models.push_back(outputs(oracle, id, 1));
    return at::stack(models);
  };
  EXPECT_TRUE(torch::equal(read_npy(folder_ / "out" / "full.npy"), expected(false, {0, 2, 11})));
  EXPECT_TRUE(torch::equal(read_npy(folder_ / "out" / "oracle.npy"), expected(true, {1, 10})));
  EXPECT_EQ(read_forget_set(folder_ / "out" / "forget.txt", kTraining), kForget);
}

TEST_F(EasydubTree, LogitsBecomeStores) {
  put_tree("logits", 3);
  const auto found = import_easydub_logits(folder_ / "tree", folder_ / "out", {.forget_set = 4});
  EXPECT_EQ(found.classes, 3);
  const auto full = EnsembleStore::open(folder_ / "out" / "full");
  const auto oracles = EnsembleStore::open(folder_ / "out" / "oracle-forget_4");
  EXPECT_TRUE(torch::equal(full.logits()[2], outputs(false, 11, 3)));
  EXPECT_TRUE(full.masks().all().item<bool>());
  EXPECT_TRUE(torch::equal(oracles.logits()[1], outputs(true, 10, 3)));
  for (int64_t i = 0; i < kTraining; ++i) {
    const bool kept = std::find(kRetain.begin(), kRetain.end(), i) != kRetain.end();
    EXPECT_EQ(oracles.masks()[0][i].item<bool>(), kept) << i;
  }
}

TEST_F(EasydubTree, WithoutASecondCopyThereIsNoDifference) {
  put_tree("margins", 1);
  fs::remove_all(folder_ / "tree" / "margins" / "cifar10" / "pretrain" / "forget_4");
  EXPECT_TRUE(std::isnan(margins().largest_difference));
}

TEST_F(EasydubTree, WhatIsMissingOrDoesNotFitIsNamed) {
  const auto tree = folder_ / "tree";
  EXPECT_EQ(refusal(), file("margins", "pretrain/retain", 0).parent_path().string() +
                           ": files id_0_epoch_23.npy and so on required, none there");
  put_tree("margins", 1);
  const auto set = tree / "forget_sets" / "cifar10" / "forget_set_4.npy";
  write_npy(set, torch::tensor({5, 0, 7}));
  EXPECT_NE(refusal().find("forget_set_4.npy"), std::string::npos);
  write_npy(set, torch::tensor({5.0, 0.0}));
  EXPECT_NE(refusal().find("whole numbers (points) required"), std::string::npos);
  write_npy(set, torch::tensor({5, 0}));
  EXPECT_EQ(refusal(), file("margins", "pretrain/forget_4", 0).string() +
                           ": floats (2) required, got (3) of Float");
  write_npy(set, torch::tensor(kForget));
  fs::rename(file("margins", "oracle/forget_4/val", 10), folder_ / "val.npy");
  EXPECT_NE(refusal().find(file("margins", "oracle/forget_4/val", 10).string()), std::string::npos);
  fs::rename(folder_ / "val.npy", file("margins", "oracle/forget_4/val", 10));
  put("margins", "oracle/forget_4/retain", 1, torch::zeros({5}));
  EXPECT_EQ(refusal(), file("margins", "oracle/forget_4/retain", 1).string() +
                           ": floats (4) required, got (5) of Float");
  put("margins", "oracle/forget_4/retain", 1, torch::full({4}, kNan));
  EXPECT_EQ(message_of<NonFiniteError>([&] { margins(); }),
            file("margins", "oracle/forget_4/retain", 1).string() +
                ": finite values required, got NaN or infinity");
  put_file(file("margins", "oracle/forget_4/retain", 1), "\x93NUMPY");
  EXPECT_NE(refusal().find(file("margins", "oracle/forget_4/retain", 1).string()),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "out" / "oracle.npy"));
  EXPECT_NE(message_of<OptionError>([&] {
              import_easydub_margins(tree, folder_ / "out", {.dataset = "../cifar10"});
            }).find("option dataset"),
            std::string::npos);
}

TEST_F(EasydubTree, WhatIsExportedIsWhatTheirCodeLoads) {
  const auto full = at::stack({outputs(false, 0, 3), outputs(false, 1, 3)});
  const auto oracles = at::stack({outputs(true, 0, 3), outputs(true, 1, 3), outputs(true, 2, 3)});
  auto mask = torch::ones({kTraining}, torch::kBool);
  for (const int64_t i : kForget) mask[i] = false;
  const auto labels = torch::tensor({0, 1, 2, 0, 1, 2, 0, 1, 2, 0});
  export_easydub(full, oracles, mask, labels, folder_ / "tree", {.forget_set = 4});
  EXPECT_TRUE(torch::equal(read_npy(folder_ / "tree/forget_sets/cifar10/forget_set_4.npy"),
                           torch::tensor({0, 3, 5})));
  EXPECT_TRUE(torch::equal(read_npy(file("logits", "pretrain/retain", 1)),
                           outputs(false, 1, 3).narrow(0, 0, kTraining)));
  EXPECT_TRUE(torch::equal(read_npy(file("logits", "oracle/forget_4/forget", 2)),
                           rows(outputs(true, 2, 3), {0, 3, 5})));
  // z_y - logsumexp of the others, by hand: the classes' logits lie 0.1 apart.
  const auto margins = read_npy(file("margins", "oracle/forget_4/retain", 0));
  EXPECT_EQ(margins.sizes(), at::IntArrayRef({4}));
  EXPECT_NEAR(margins[1].item<double>(), 0.2 - std::log(1 + std::exp(0.1)), 1e-4);  // example 2
  // And back, all points in order.
  import_easydub_logits(folder_ / "tree", folder_ / "out", {.forget_set = 4});
  EXPECT_TRUE(torch::equal(EnsembleStore::open(folder_ / "out/full").logits(), full));
  EXPECT_TRUE(torch::equal(EnsembleStore::open(folder_ / "out/oracle-forget_4").logits(), oracles));
  EXPECT_THROW(export_easydub(full, oracles, torch::ones({kTraining}, torch::kBool), labels,
                              folder_ / "other", {}),
               InputError);
}

}  // namespace
}  // namespace expunge
