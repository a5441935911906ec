#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "message_of.h"
#include "simulated_ensemble.h"

namespace expunge {
namespace {

class Factors : public testing::Test {
 protected:
  ScratchFolder scratch_;
  SimulatedEnsemble e_ = simulated_ensemble(30, 40, 60, 3);
  std::vector<std::vector<int64_t>> forget_ = {{1, 2}};
  std::filesystem::path folder_ = scratch_.path() / "factors";

  void refuse(const torch::Tensor& masks, const torch::Tensor& logits, const RidgeOptions& options,
              const std::string& part) {
    try {
      SubsetDatamodels::load(folder_, masks, logits, options);
      FAIL() << part;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
};

TEST_F(Factors, GiveTheSameShiftsAgain) {
  const auto fitted = SubsetDatamodels::fit(e_.masks, e_.logits);
  EXPECT_FALSE(SubsetDatamodels::is_saved(folder_));
  fitted.save(folder_);
  EXPECT_TRUE(SubsetDatamodels::is_saved(folder_));
  const auto loaded = SubsetDatamodels::load(folder_, e_.masks, e_.logits);
  EXPECT_TRUE(at::equal(loaded.removal_shifts(forget_), fitted.removal_shifts(forget_)));
  EXPECT_EQ(loaded.lambda_choice().lambda, fitted.lambda_choice().lambda);
  EXPECT_EQ(loaded.lambda_choice().curve.size(), 13U);
  EXPECT_EQ(loaded.alpha(), fitted.alpha());
}

TEST_F(Factors, AreRefusedForOtherData) {
  SubsetDatamodels::fit(e_.masks, e_.logits).save(folder_);
  const auto other = simulated_ensemble(30, 40, 60, 3, 0.7, 1, 2);
  refuse(other.masks, e_.logits, {}, "masks (30, 40)");
  refuse(e_.masks, other.logits, {}, "logits (30, 60, 3)");
  refuse(e_.masks, e_.logits.to(torch::kFloat16), {}, "Half");
  RidgeOptions options;
  options.prior = EffectPrior::none;
  refuse(e_.masks, e_.logits, options, "prior = \"none\"");
  options = {};
  options.lambda = 3;
  refuse(e_.masks, e_.logits, options, "lambda = 3");
}

TEST_F(Factors, StandWhereLogitsOfAPointHaveBeenOverwritten) {
  const std::vector<int64_t> removal = {1};
  const auto fitted = SubsetDatamodels::fit(e_.masks, e_.logits);
  const auto expected = fitted.removal_shifts({&removal, 1});
  fitted.save(folder_);
  auto overwritten = e_.logits.clone();
  overwritten.select(1, 0).fill_(1e3);
  refuse(e_.masks, overwritten, {}, "a fit to");
  const auto loaded =
      SubsetDatamodels::load(folder_, e_.masks, overwritten, {}, /*overwritten=*/true);
  const auto shifts = loaded.removal_shifts({&removal, 1});
  EXPECT_TRUE(shifts.slice(1, 1).equal(expected.slice(1, 1)));
  const auto masks = e_.masks.logical_not();
  EXPECT_NE(message_of<InputError>([&] {
              SubsetDatamodels::load(folder_, masks, overwritten, {}, /*overwritten=*/true);
            }).find("a fit to"),
            std::string::npos);
}

TEST_F(Factors, AreRefusedWhenDamaged) {
  SubsetDatamodels::fit(e_.masks, e_.logits).save(folder_);
  const auto good = read_file(folder_ / "factors.json");
  for (const std::string bad : {"", "{", "{}", "[1]", "{\"format_version\": \"x\"}"}) {
    write_file_atomically(folder_ / "factors.json", bad);
    refuse(e_.masks, e_.logits, {}, "factors.json");
  }
  auto newer = good;
  newer.replace(newer.find("\"format_version\": 1"), 19, "\"format_version\": 2");
  write_file_atomically(folder_ / "factors.json", newer);
  refuse(e_.masks, e_.logits, {}, "format version 1 required, got 2");
  write_file_atomically(folder_ / "factors.json", good);
  std::filesystem::resize_file(folder_ / "factor.npy", 200);
  refuse(e_.masks, e_.logits, {}, "factor.npy");
}

}  // namespace
}  // namespace expunge
