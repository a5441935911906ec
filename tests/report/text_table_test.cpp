#include "expunge/report/text_table.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"

namespace expunge {
namespace {

TextTable sample() {
  TextTable table({{"method", Align::left}, {"cost"}, {"note", Align::left}});
  table.add_row({"do nothing", "0%", "a|b"});
  table.add_row({"DMM", "4.2%", ""});
  return table;
}

TEST(TextTable, TextIsAlignedWithoutSpacesAtLineEnds) {
  EXPECT_EQ(sample().text(),
            "method      cost  note\n"
            "----------  ----  ----\n"
            "do nothing    0%  a|b\n"
            "DMM         4.2%\n");
}

TEST(TextTable, MarkdownIsAlignedAndEscaped) {
  EXPECT_EQ(sample().markdown(),
            "| method     | cost | note |\n"
            "| ---------- | ---: | ---- |\n"
            "| do nothing |   0% | a\\|b |\n"
            "| DMM        | 4.2% |      |\n");
  TextTable table({{"x", Align::left}});
  table.add_row({"<b>*_`[]&\n\\"});
  EXPECT_EQ(table.markdown(),
            "| x                    |\n| -------------------- |\n"
            "| \\<b\\>\\*\\_\\`\\[\\]\\& \\\\ |\n");
}

TEST(TextTable, CsvQuotesByRfc4180) {
  TextTable table({{"name", Align::left}, {"value"}});
  table.add_row({"a,b", "1"}).add_row({"say \"no\"", "2"}).add_row({"two\nlines", "3"});
  EXPECT_EQ(table.csv(), "name,value\n\"a,b\",1\n\"say \"\"no\"\"\",2\n\"two\nlines\",3\n");
}

TEST(TextTable, WidthIsCountedInColumnsNotBytes) {
  TextTable table({{"n", Align::left}, {"v"}});
  table.add_row({"Größe", "1"}).add_row({"漢字", "2"}).add_row({"plain", "3"});
  EXPECT_EQ(table.text(),
            "n      v\n"
            "-----  -\n"
            "Größe  1\n"
            "漢字   2\n"
            "plain  3\n");
}

TEST(TextTable, ACellCannotBreakTheTableOrSteerTheTerminal) {
  TextTable table({{"n", Align::left}});
  table.add_row({"a\nb\x1b[2J"});
  const auto text = table.text();
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST(TextTable, RefusesRowsOfAnotherLength) {
  TextTable table({{"a"}, {"b"}});
  EXPECT_THROW(table.add_row({"1"}), InputError);
  EXPECT_THROW(table.add_row({"1", "2", "3"}), InputError);
  EXPECT_THROW(TextTable({}), InputError);
}

}  // namespace
}  // namespace expunge
