#include "expunge/report/forecast_plot.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "nan.h"
#include "report/markup_check.h"

namespace expunge {
namespace {

std::vector<ForecastMark> two_marks() {
  return {{"random <20>", 0.8, 0.9, 0.7, 1.4}, {"half a class", 7.1, 8.4, 6.0, 9.5}};
}

TEST(ForecastPicture, NamesEverySetWithItsNumbers) {
  const auto picture = forecast_picture(two_marks(), PointGroup::forget);
  EXPECT_NE(
      picture.description().find("half a class: forecast 8.40 (6.00 to 9.50), measured 7.10."),
      std::string::npos)
      << picture.description();
  const auto markup = read_markup(picture.file());
  EXPECT_EQ(markup.problem, "");
  EXPECT_NE(markup.text.find("Forgotten examples"), std::string::npos);
  EXPECT_NE(markup.text.find("half a class"), std::string::npos);
}

TEST(ForecastPicture, RefusesWhatCannotBe) {
  EXPECT_THROW(forecast_picture({}, PointGroup::retain), InputError);
  auto marks = two_marks();
  marks[0].high = 0.8;
  EXPECT_THROW(forecast_picture(marks, PointGroup::retain), InputError);
  marks = two_marks();
  marks[1].measured = kNan;
  EXPECT_THROW(forecast_picture(marks, PointGroup::retain), NonFiniteError);
}

}  // namespace
}  // namespace expunge
