// Grids: what they expand to, and what they refuse.
#include "expunge/pipeline/sweep_config.h"

#include <gtest/gtest.h>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

class SweepConfigs : public testing::Test {
 protected:
  SweepConfig read(const std::string& text) {
    put_file(folder_ / "grid.toml", text);
    return read_sweep_config(folder_ / "grid.toml");
  }
  // What is said of a faulty grid, without the folder.
  std::string fault(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      std::string message = error.what();
      const auto at = message.find("grid.toml");
      return at == std::string::npos ? message : message.substr(at);
    }
    return "nothing thrown";
  }
  ScratchFolder folder_;
};

TEST_F(SweepConfigs, ListsAreCrossedAndTheLastIsFastest) {
  const auto sweep = read(
      "name = \"g\"\n[[method]]\nname = \"SCRUB\"\nkind = \"scrub\"\nlearning_rate = [1e-3, 5e-3]\n"
      "alpha = 0.5\nepochs = [5, 7, 10]\n[[method]]\nname = \"direct\"\nkind = \"prediction\"\n");
  ASSERT_EQ(sweep.cells.size(), 7U);
  EXPECT_EQ(sweep.cells[0].varied, "learning_rate 0.001, epochs 5");
  EXPECT_EQ(sweep.cells[1].varied, "learning_rate 0.001, epochs 7");
  EXPECT_EQ(sweep.cells[5].varied, "learning_rate 0.005, epochs 10");
  EXPECT_DOUBLE_EQ(sweep.cells[5].options.scrub.stepping.learning_rate, 5e-3);
  EXPECT_EQ(sweep.cells[5].options.scrub.stepping.epochs, 10);
  EXPECT_DOUBLE_EQ(sweep.cells[5].options.scrub.alpha, 0.5);
  EXPECT_EQ(sweep.cells[5].targets, CellTargets::none);
  EXPECT_TRUE(sweep.cells[6].prediction);
  EXPECT_EQ(sweep.cells[6].targets, CellTargets::predicted);
  EXPECT_EQ(sweep.cells[6].varied, "");
}

TEST_F(SweepConfigs, TextsAndSwitchesMayBeListsToo) {
  const auto sweep = read(
      "[[method]]\nname = \"m\"\nkind = \"matching\"\ntargets = \"oracle\"\n"
      "engine = [\"kernel\", \"gradient\"]\n");
  ASSERT_EQ(sweep.cells.size(), 2U);
  EXPECT_EQ(sweep.cells[1].varied, "engine gradient");
  EXPECT_EQ(sweep.cells[1].options.matching.engine, MatchingEngine::gradient);
  EXPECT_EQ(sweep.cells[1].targets, CellTargets::oracle);
}

TEST_F(SweepConfigs, DatamodelsAreTheirOwnOptions) {
  const auto sweep = read(
      "[[datamodels]]\nname = \"half\"\nsubset_models = 30\nalpha = 0.5\nmasks = \"independent\"\n"
      "prior = \"none\"\n[[method]]\nname = \"d\"\nkind = \"prediction\"\ndatamodels = \"half\"\n");
  ASSERT_EQ(sweep.datamodels.size(), 1U);
  EXPECT_EQ(sweep.datamodels[0].subset_models, 30);
  EXPECT_DOUBLE_EQ(sweep.datamodels[0].masks.alpha, 0.5);
  EXPECT_EQ(sweep.datamodels[0].attribution.ridge.prior, EffectPrior::none);
  EXPECT_EQ(sweep.cells[0].datamodels, "half");
}

TEST_F(SweepConfigs, EveryOptionOfAKindEntersItsSettings) {
  const auto sweep = read(
      "[[method]]\nname = \"a\"\nkind = \"scrub\"\nrewind = true\n[[method]]\nname = \"a\"\n"
      "kind = \"scrub\"\n");
  ASSERT_EQ(sweep.cells.size(), 2U);
  EXPECT_EQ(sweep.cells[0].settings().at("method.rewind"), "true");
  EXPECT_EQ(sweep.cells[1].settings().at("method.rewind"), "false");
  EXPECT_EQ(sweep.cells[0].settings().at("method.kind"), "scrub");
  EXPECT_FALSE(sweep.cells[0].settings().contains("method.targets"));
}

TEST_F(SweepConfigs, WhatIsWrongIsNamed) {
  EXPECT_EQ(fault("name = \"x\"\n"), "grid.toml: at least one [[method]] required");
  EXPECT_EQ(fault("[[metod]]\nname = \"x\"\n"),
            "grid.toml:1: unknown table [metod]; did you mean [method]?");
  EXPECT_EQ(fault("[[method]]\nkind = \"scrub\"\n"),
            "grid.toml:1: [[method]]: option name required");
  EXPECT_EQ(fault("[[method]]\nname = \"x\"\nkind = \"scrub\"\nlearning_rates = 1\n"),
            "grid.toml:4: unknown option \"learning_rates\" in [scrub]; did you mean "
            "\"learning_rate\"?");
  EXPECT_EQ(fault("[[method]]\nname = \"x\"\nkind = \"scrub\"\nepochs = []\n"),
            "grid.toml:4: epochs: a value required, got an empty list");
  EXPECT_EQ(fault("[[method]]\nname = \"x\"\nkind = \"scrub\"\nlearning_rate = [1e-3, -1]\n"),
            "grid.toml:1: x, learning_rate -1.0: option learning_rate: a number above 0 required, "
            "got -1");
  EXPECT_EQ(fault("[[method]]\nname = \"x\"\nkind = \"scrub\"\n[[method]]\nname = \"x\"\n"
                  "kind = \"scrub\"\nepochs = 5\n"),
            "grid.toml:4: x has two cells with the same options");
  EXPECT_EQ(fault("[[method]]\nname = \"x\"\nkind = \"prediction\"\ndatamodels = \"half\"\n"),
            "grid.toml: method x: [[datamodels]] named \"half\" required, none there");
  EXPECT_EQ(fault("[[method]]\nname = \"x\"\nkind = \"scrub\"\ntargets = \"oracle\"\n"),
            "grid.toml:1: targets: only matching has them, got kind scrub");
  EXPECT_EQ(fault("[[method]]\nname = \"x\"\nkind = \"scrub\"\ndatamodels = \"half\"\n"),
            "grid.toml:1: datamodels: only methods with predicted targets have them");
}

TEST_F(SweepConfigs, TheShippedGridsAreSound) {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  const auto shipped = root / "configs" / "reproduce";
  for (const char* grid :
       {"figure-1", "figure-2", "figure-3", "figure-5", "losses", "u-lira", "paper-grids"}) {
    EXPECT_NO_THROW(read_sweep_config(shipped / (std::string(grid) + ".toml"))) << grid;
  }
  std::map<std::string, int> cells;
  for (const auto& cell : read_sweep_config(shipped / "figure-1.toml").cells) ++cells[cell.method];
  for (const auto& [method, count] : cells) EXPECT_LE(count, 6) << method;
}

}  // namespace
}  // namespace expunge
