// Figures of a tiny experiment, and the courses that they are drawn from.
#include "expunge/pipeline/figures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/data/forget_set.h"
#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

class Figures : public TinyExperiment {
 protected:
  Figures() : tiny_(experiment()) {
    tiny_.train();
    tiny_.attribute();
    std::filesystem::create_directories(folder_ / "grids");
    const std::string scrub =
        "[[method]]\nname = \"SCRUB\"\nkind = \"scrub\"\nepochs = 4\nlearning_rate = 0.05\n";
    put_file(folder_ / "grids" / "figure-1.toml",
             scrub + "[[method]]\nname = \"DMM\"\nkind = \"matching\"\n");
    put_file(folder_ / "grids" / "figure-2.toml", scrub + "trajectory = true\n");
    put_file(folder_ / "grids" / "losses.toml", scrub + "trajectory = true\n");
    put_file(folder_ / "grids" / "u-lira.toml", scrub);
    put_file(folder_ / "grids" / "model-count.toml",
             "models = [5, 10]\n[[estimator]]\nname = \"own\"\nlambda_ratio = 3\n");
  }
  void make(const std::string& name) {
    const auto& spec = figure_spec(name);
    run_grid(tiny_, read_grid(spec, folder_ / "grids"));
    write_figure(tiny_, spec, folder_ / "grids");
  }
  std::string text(const std::string& file) const { return read_file(folder_ / "out" / file); }
  Experiment tiny_;
};

TEST_F(Figures, EachLeavesNumbersPicturesAndASection) {
  for (const char* name : {"figure-1", "figure-2", "figure-4", "losses", "u-lira", "model-count"}) {
    make(name);
    EXPECT_GT(text(fmt::format("figures/{}.csv", name)).size(), 50U) << name;
    EXPECT_NE(text("figures.html").find(fmt::format("id=\"{}\"", name)), std::string::npos) << name;
  }
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out" / "figures" / "figure-1-pair.svg"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out" / "figures" / "figure-4-late-retain.svg"));
  // The page holds all that were made, in the paper's order.
  const auto page = text("figures.html");
  EXPECT_LT(page.find("id=\"figure-1\""), page.find("id=\"figure-2\""));
  EXPECT_LT(page.find("id=\"figure-2\""), page.find("id=\"figure-4\""));
}

TEST_F(Figures, NeedTheirSweepFirst) {
  EXPECT_THROW(write_figure(tiny_, figure_spec("figure-1"), folder_ / "grids"), InputError);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out" / "figures.html"));
}

TEST(FigureSpecs, AnUnknownOneIsRefusedWithTheNearest) {
  try {
    figure_spec("figure-6x");
    FAIL();
  } catch (const OptionError& error) {
    EXPECT_STREQ(error.what(), "unknown figure \"figure-6x\"; did you mean figure-1?");
  }
}

TEST(FigureSpecs, ShippedSettingsAndForgetSetsAreSound) {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  const auto folder = root / "configs" / "reproduce";
  const std::map<std::string, int64_t> examples = {
      {"small", 2000}, {"cifar", 4000}, {"paper", 50000}};
  for (const auto& spec : figure_specs()) {
    const auto grid = read_grid(spec, folder);
    EXPECT_EQ(spec.grid.empty(), !grid.sweep && !grid.counts) << spec.name;
    for (const auto& [scale, n_of_scale] : examples) {
      const auto config = read_run_config(folder / (spec.experiment + scale + ".toml"));
      size_t forgotten = 0;
      for (const auto& set : config.forget_sets)
        forgotten += read_forget_set(folder / set.file, n_of_scale).size();
      if (spec.name == "u-lira") {
        EXPECT_GE(forgotten, 200U) << scale;
      }
    }
  }
  const auto resnet9 = read_run_config(folder / "cifar-resnet9.toml");  // of no figure
  ASSERT_EQ(resnet9.forget_sets.size(), 1U);
  EXPECT_EQ(read_forget_set(folder / resnet9.forget_sets[0].file, 2000).size(), 20U);
}

TEST(PointCourse, IsTheDensityUnderTheOraclesGaussian) {
  const auto oracles = torch::tensor({{1.0F, 0.0F}, {3.0F, 0.0F}, {5.0F, 0.0F}});  // 3 and 2
  const auto course = torch::tensor({{9.0F, 0.0F}, {5.0F, 1.0F}, {3.0F, 2.0F}, {2.0F, 0.0F}});
  const auto point = point_course(course, oracles, 0);
  ASSERT_EQ(point.likelihood.size(), 4U);
  EXPECT_NEAR(point.likelihood[0], std::exp(-4.5), 1e-12);
  EXPECT_NEAR(point.likelihood[1], std::exp(-0.5), 1e-12);
  EXPECT_NEAR(point.likelihood[2], 1, 1e-12);
  EXPECT_NEAR(point.likelihood[3], std::exp(-0.125), 1e-12);
  EXPECT_FALSE(point.overshoots);
}

TEST(PointCourse, OvershootsWhereItEndsBelowATenthOfItsBest) {
  const auto oracles = torch::tensor({{-1.0F}, {1.0F}, {0.0F}});  // 0 and 1
  const auto ends_at = [&](double z) {
    const auto course = torch::tensor({{5.0F}, {0.0F}, {static_cast<float>(z)}});
    return point_course(course, oracles, 0).overshoots;
  };
  EXPECT_FALSE(ends_at(-2.1));  // exp(-2.205) = 0.110
  EXPECT_TRUE(ends_at(-2.2));   // exp(-2.42) = 0.089
  EXPECT_FALSE(ends_at(2.1));
}

}  // namespace
}  // namespace expunge
