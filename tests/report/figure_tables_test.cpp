#include "expunge/report/figure_tables.h"

#include <gtest/gtest.h>

#include <limits>

#include "expunge/core/error.h"
#include "report/figure_sample.h"

namespace expunge {
namespace {

/// RFC 4180, read by its grammar: lines of cells.
std::vector<std::vector<std::string>> read_csv(const std::string& text) {
  std::vector<std::vector<std::string>> lines(1, std::vector<std::string>(1));
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] != '"') {
        lines.back().back() += text[i];
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        lines.back().back() += text[++i];
      } else {
        quoted = false;
      }
    } else if (text[i] == '"') {
      quoted = true;
    } else if (text[i] == ',') {
      lines.back().emplace_back();
    } else if (text[i] == '\n') {
      lines.emplace_back(1);
    } else {
      lines.back().back() += text[i];
    }
  }
  lines.pop_back();  // what follows the last line end
  return lines;
}

TEST(FigureTables, FrontierComesBackFromCsv) {
  FrontierPanelSet set = sample_frontier();
  set.forget_set = "a \"set\", two\nlines";
  set.cells[1].forget = 1.0 / 3;
  set.cells[1].cost_share = 1e-7;
  const auto lines = read_csv(frontier_csv({set, sample_frontier()}));
  ASSERT_EQ(lines.size(), 1 + 2 * set.cells.size());
  EXPECT_EQ(lines[0], (std::vector<std::string>{"forget_set", "method", "role", "settings",
                                                "cost_share", "average", "forget", "retain",
                                                "validation", "best", "floor"}));
  for (size_t i = 0; i < set.cells.size(); ++i) {
    const auto& line = lines[1 + i];
    const auto& expected = set.cells[i];
    EXPECT_EQ(line[0], set.forget_set);
    EXPECT_EQ(line[1], expected.method);
    EXPECT_EQ(line[3], expected.settings);
    EXPECT_EQ(std::stod(line[4]), expected.cost_share) << "to the bit";
    EXPECT_EQ(std::stod(line[5]), expected.average);
    EXPECT_EQ(std::stod(line[6]), expected.forget);
    EXPECT_EQ(std::stod(line[7]), expected.retain);
    EXPECT_EQ(std::stod(line[8]), expected.validation);
    EXPECT_EQ(line[9] == "1", expected.best);
    EXPECT_EQ(std::stod(line[10]), set.floor);
  }
  EXPECT_EQ(lines[1][2], "nothing");
  EXPECT_EQ(lines[1 + set.cells.size()][0], "first");
}

TEST(FigureTables, TrajectoriesHaveALineAPointAndTime) {
  const auto panel = sample_trajectories();
  const auto lines = read_csv(trajectory_csv({panel}));
  ASSERT_EQ(lines.size(), 1u + 3 * 3);
  EXPECT_EQ(lines[3], (std::vector<std::string>{"SCRUB, forgotten examples", "forget", "3", "1",
                                                "4", "1e-09"}));
  for (size_t k = 0; k < 3; ++k) {
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(std::stod(lines[1 + 3 * k + i][5]), panel.points[k].likelihood[i]);
      EXPECT_EQ(std::stod(lines[1 + 3 * k + i][4]), panel.time[i]);
    }
  }
}

TEST(FigureTables, LossesAndAttacksComeBackFromCsv) {
  const auto losses = read_csv(loss_csv({sample_losses()}));
  ASSERT_EQ(losses.size(), 4u);
  EXPECT_EQ(losses[2], (std::vector<std::string>{"SCRUB", "baseline", "2", "1", "0.02", "0.3"}));
  const auto points = read_csv(agreement_csv(sample_agreement()));
  ASSERT_EQ(points.size(), 5u);
  EXPECT_EQ(points[2],
            (std::vector<std::string>{"SCRUB", "baseline", "first", "2", "0.7", "0.66", "0.74"}));
  const auto curves = read_csv(roc_csv(sample_curves()));
  ASSERT_EQ(curves.size(), 1u + 4 + 3);
  EXPECT_EQ(curves[2], (std::vector<std::string>{"do nothing", "nothing", "0.0005", "0.2"}));
}

TEST(FigureTables, TheSmallTableHasTheBestCells) {
  const TextTable table = frontier_table(sample_frontier());
  ASSERT_EQ(table.rows().size(), 7u);
  EXPECT_EQ(table.rows()[1], (std::vector<std::string>{"SCRUB", "5%", "2.10", "3.00", "1.80",
                                                       "1.50", "learning_rate 5e-3, epochs 5"}));
}

TEST(FigureTables, BadDataAreRefused) {
  FrontierPanelSet set = sample_frontier();
  set.cells[0].forget = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(frontier_csv({set}), NonFiniteError);
  EXPECT_THROW(frontier_table(set), NonFiniteError);
  LossCurve curve = sample_losses();
  curve.retain_loss.pop_back();
  EXPECT_THROW(loss_csv({curve}), InputError);
  EXPECT_THROW(agreement_csv({}), InputError);
  EXPECT_THROW(roc_csv({}), InputError);
}

}  // namespace
}  // namespace expunge
