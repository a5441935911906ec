#include "expunge/report/count_curves.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expunge/core/error.h"
#include "report/figure_sample.h"

namespace expunge {
namespace {

CountPanel sample_counts() {
  return {.forget_set = "random-20",
          .curves = {{"own <effect>",
                      {{25, 2, 1, 3, 4}, {100, 1, 0.8, 1.3, 4}, {400, 0.5, 0.5, 0.5, 1}}},
                     {"plain", {{25, 8, 6, 9, 3}, {400, 4, 4, 4, 1}}}},
          .floor = 0.4,
          .nothing = 9};
}

TEST(CountPictures, MarksAndBarsLieOnLogarithmicAxes) {
  const auto pictures = count_pictures(sample_counts());
  ASSERT_EQ(pictures.size(), 2U);
  const auto markup = read_markup(pictures[0].embedded());
  ASSERT_EQ(markup.problem, "");
  const auto marks = with_classes(markup, "rect", {"stroke-muted"});  // the first curve's: squares
  ASSERT_EQ(marks.size(), 3U);
  const auto place = [&](size_t i, const char* axis) {
    return std::stod(attribute(marks[i], axis));
  };
  // 25, 100, 400: equal steps; 2, 1, 0.5: equal steps upwards.
  EXPECT_NEAR(place(1, "x") - place(0, "x"), place(2, "x") - place(1, "x"), 0.03);
  EXPECT_NEAR(place(1, "y") - place(0, "y"), place(2, "y") - place(1, "y"), 0.03);
  EXPECT_GT(place(1, "x"), place(0, "x"));
  EXPECT_GT(place(1, "y"), place(0, "y"));
  EXPECT_NE(
      pictures[0].description().find("own <effect>: 2.00 with 25, 1.00 with 100, 0.50 with 400."),
      std::string::npos)
      << pictures[0].description();
  EXPECT_NE(pictures[1].embedded().find("own &lt;effect&gt;"), std::string::npos);
}

TEST(CountTables, HaveARowAnEstimatorAndAColumnANumber) {
  EXPECT_EQ(count_table(sample_counts()).csv(),
            "estimator,25,100,400\nown <effect>,2.00,1.00,0.50\nplain,8.00,,4.00\n");
}

TEST(CountPanels, AreRefusedWhereTheyCannotBe) {
  const auto refused = [](auto change) {
    auto panel = sample_counts();
    change(panel);
    EXPECT_THROW(check(panel), InputError);
    EXPECT_THROW(count_pictures(panel), InputError);
    EXPECT_THROW(count_table(panel), InputError);
  };
  EXPECT_NO_THROW(check(sample_counts()));
  refused([](CountPanel& p) { p.curves.clear(); });
  refused([](CountPanel& p) { p.curves[0].points.clear(); });
  refused([](CountPanel& p) { p.curves[0].points[1].models = 25; });
  refused([](CountPanel& p) { p.curves[0].points[0].models = 1; });
  refused([](CountPanel& p) { p.curves[0].points[0].low = 2.5; });
  refused([](CountPanel& p) { p.curves[0].points[0].high = 1.9; });
  refused([](CountPanel& p) { p.curves[0].points[0].parts = 0; });
  refused([](CountPanel& p) { p.floor = -1; });
  refused([](CountPanel& p) { p.curves[0].estimator = "plain"; });
  auto panel = sample_counts();
  panel.curves[0].points[0].mean = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(check(panel), NonFiniteError);
  panel = sample_counts();
  panel.nothing = INFINITY;
  EXPECT_THROW(check(panel), NonFiniteError);
}

}  // namespace
}  // namespace expunge
