#include "expunge/convex/convex_page.h"

#include <gtest/gtest.h>

#include "expunge/convex/convex_plots.h"
#include "expunge/convex/convex_tables.h"
#include "expunge/core/error.h"
#include "reference.h"

namespace expunge {
namespace {

TEST(ConvexPage, IsWholeAndSaysTheNumbers) {
  const std::vector<int64_t> forget = {1, 5, 9};
  const auto table = random_table(80, 3, 1, 43);
  ComparisonOptions options;
  options.steps = 100;
  options.runs = 2;
  options.sgd_steps = 200;
  const auto found = compare_ridge(table, forget, {1, true, Standardise::none}, options, 1);
  const auto html =
      render_convex({"A <title>", "sub", {"a warning"}, "expunge convex t.csv"}, found);
  EXPECT_NE(html.find("A &lt;title&gt;"), std::string::npos);
  EXPECT_EQ(html.find("NaN"), std::string::npos);
  EXPECT_EQ(html.find("nan"), std::string::npos);
  for (const char* text :
       {"matching, SGD", "ascent-descent", "a warning", "The noise ball", "</html>", "<svg"})
    EXPECT_NE(html.find(text), std::string::npos) << text;
  EXPECT_NE(comparison_svg(found).find("<svg"), std::string::npos);
  EXPECT_EQ(curve_table(found).rows().size(), [&] {
    size_t count = 0;
    for (const auto& curve : found.curves) count += curve.times.size();
    return count;
  }());
  EXPECT_EQ(rate_table(found).rows().size(), 5U);
  EXPECT_EQ(short_number(0.000012345), "1.23e-05");
  EXPECT_EQ(short_number(0.5), "0.5");
}

TEST(Comparison, OptionsOutOfRangeAreRefused) {
  for (const auto& change : std::vector<std::function<void(ComparisonOptions&)>>{
           [](auto& o) { o.step = 2; }, [](auto& o) { o.sgd_step = 0.6; },
           [](auto& o) { o.batch = 0; }, [](auto& o) { o.runs = 0; }, [](auto& o) { o.points = 3; },
           [](auto& o) { o.ascent = -1; }}) {
    ComparisonOptions options;
    change(options);
    EXPECT_THROW(options.validate(), OptionError);
  }
}

}  // namespace
}  // namespace expunge
