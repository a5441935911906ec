#include "expunge/report/escape.h"

#include <gtest/gtest.h>

#include "expunge/report/utf8.h"

namespace expunge {
namespace {

TEST(Escape, MarkupBecomesReferences) {
  EXPECT_EQ(escape_markup(R"(<a href="x" id='y'>&amp;)"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;");
  EXPECT_EQ(escape_markup("Größe λ 漢字 🙂"), "Größe λ 漢字 🙂");
  EXPECT_EQ(escape_markup(""), "");
}

TEST(Escape, ControlCharactersAndBrokenUtf8BecomeReplacements) {
  EXPECT_EQ(plain_line("a\nb\tc\rd"), "a b c d");
  EXPECT_EQ(plain_line("\x1b[31mred"), "\uFFFD[31mred") << "no escape sequence reaches a terminal";
  EXPECT_EQ(plain_line(std::string_view("a\0b", 3)), "a\uFFFDb");
  EXPECT_EQ(plain_line("\xC2\x9B"), "\uFFFD") << "C1 control";
  EXPECT_EQ(plain_line("\xff"), "\uFFFD");
  EXPECT_EQ(plain_line("\xC3"), "\uFFFD") << "cut off";
  EXPECT_EQ(plain_line("\xC0\xAF"), "\uFFFD\uFFFD") << "overlong";
  EXPECT_EQ(plain_line("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "surrogate";
  EXPECT_EQ(plain_line("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD") << "above U+10FFFF";
  EXPECT_EQ(plain_line("\xEF\xBF\xBE"), "\uFFFD") << "U+FFFE is not an XML character";
}

TEST(Utf8, DisplayWidth) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("Größe"), 5u);
  EXPECT_EQ(display_width("漢字"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u) << "combining accent";
  EXPECT_EQ(display_width("🙂"), 2u);
}

TEST(Utf8, DecodesTheEndsOfEveryLength) {
  for (const auto& [bytes, expected] :
       std::vector<std::pair<std::string, char32_t>>{{"\x7F", 0x7F},
                                                     {"\xC2\x80", 0x80},
                                                     {"\xDF\xBF", 0x7FF},
                                                     {"\xE0\xA0\x80", 0x800},
                                                     {"\xEF\xBF\xBF", 0xFFFF},
                                                     {"\xF0\x90\x80\x80", 0x10000},
                                                     {"\xF4\x8F\xBF\xBF", 0x10FFFF}}) {
    size_t position = 0;
    EXPECT_EQ(next_code_point(bytes, position), expected);
    EXPECT_EQ(position, bytes.size());
  }
}

}  // namespace
}  // namespace expunge
