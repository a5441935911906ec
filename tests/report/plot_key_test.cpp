#include "expunge/report/plot_key.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "report/figure_sample.h"

namespace expunge {
namespace {

TEST(PlotKey, EntriesStandInTwoColumnsUnlessTheyAreWide) {
  const std::vector<KeyEntry> entries = {
      {"a", KeySample::mark, {Ink::full, Marker::circle, false}},
      {"b", KeySample::faint_mark, {Ink::full, Marker::circle, false}},
      {"words that are far too long for half of the key", KeySample::line, {}},
      {"c", KeySample::thin_line, {}}};
  const SvgCanvas key = key_picture(entries, 340, "Key", "a key");
  const auto markup = read_markup(key.embedded());
  EXPECT_EQ(markup.problem, "");
  const auto words = with_classes(markup, "text", {"fill-text"});
  ASSERT_EQ(words.size(), 5u);  // the heading first
  const auto x = [&](size_t i) { return std::stod(attribute(words[i], "x")); };
  const auto y = [&](size_t i) { return std::stod(attribute(words[i], "y")); };
  EXPECT_EQ(y(1), y(2)) << "side by side";
  EXPECT_LT(x(1), x(2));
  EXPECT_EQ(x(3), x(1));
  EXPECT_GT(y(3), y(2));
  EXPECT_GT(y(4), y(3));
  EXPECT_EQ(with_classes(markup, "circle", {"faint"}).size(), 1u);
  EXPECT_EQ(with_classes(markup, "line", {"dashed"}).size(), 1u);
  for (size_t i = 1; i < words.size(); ++i) {
    EXPECT_LE(x(i) + text_width(words[i].text, 11.5), 340);
    EXPECT_LE(y(i), key.height());
  }
  EXPECT_THROW(key_picture({}, 340, "", ""), InputError);
}

}  // namespace
}  // namespace expunge
