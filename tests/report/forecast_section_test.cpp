#include "expunge/report/forecast_section.h"

#include <gtest/gtest.h>

#include "nan.h"
#include "report/markup_check.h"

namespace expunge {
namespace {

ForecastSection two_methods() {
  ForecastSection section{100, 90, 80, {}};
  ForecastRow row;
  row.forget_set = "a <set>";
  row.method = "dm-direct";
  row.size = 20;
  row.multiplier = {0.9, 0.8, 1.0};
  row.forecast = {{{1.5, 0.7, 2.5}, {0.72, 0.65, 0.8}, {0.75, 0.7, 0.84}}};
  row.warnings = {"is odd & rare"};
  section.rows.push_back(row);
  row.method = "DMM";
  row.multiplier = {kNan, kNan, kNan};
  section.rows.push_back(row);
  return section;
}

TEST(ForecastSection, TellsOfMeasurementsOnlyWhereThereAreSome) {
  auto section = two_methods();
  EXPECT_EQ(forecast_table(section).columns().size(), 7U);
  EXPECT_EQ(forecast_table(section).rows()[1][3], "-");
  EXPECT_EQ(forecast_table(section).rows()[0][4], "1.50 (0.70 to 2.50)");
  EXPECT_TRUE(forecast_pictures(section).empty());
  section.rows[1].measured = {1.25, 0.7, 0.8};
  EXPECT_EQ(forecast_table(section).columns().size(), 10U);
  EXPECT_EQ(forecast_table(section).rows()[0][5], "-");
  EXPECT_EQ(forecast_table(section).rows()[1][5], "1.25");
  ASSERT_EQ(forecast_pictures(section).size(), 3U);
  EXPECT_NE(forecast_pictures(section)[0].description().find("a <set>, DMM"), std::string::npos);
}

TEST(ForecastSection, IsASoundPartOfAPageAndWarnsOnce) {
  auto section = two_methods();
  section.rows[0].measured = {1.25, 0.7, 0.8};
  const auto html = forecast_html(section);
  const auto markup = read_markup(html);
  EXPECT_EQ(markup.problem, "");
  const std::string warning = "a <set>: is odd & rare";
  const auto at = markup.text.find(warning);
  ASSERT_NE(at, std::string::npos) << markup.text;
  EXPECT_EQ(markup.text.find(warning, at + 1), std::string::npos);
  EXPECT_NE(markup.text.find("80 oracles"), std::string::npos);
}

}  // namespace
}  // namespace expunge
