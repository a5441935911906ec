#include "expunge/core/printable.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

TEST(Printable, LeavesTextAsItIs) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("a b~"), "a b~");
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82"),
            "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82");
}

TEST(Printable, ControlCharactersAreQuestionMarks) {
  EXPECT_EQ(printable("a\nb\r\t\x1b[0m\x7f"), "a?b???[0m?");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "?x");
  EXPECT_EQ(printable("\xc2\x9b"
                      "0m"),
            "??0m");
}

TEST(Printable, BytesThatAreNoUtf8AreQuestionMarks) {
  EXPECT_EQ(printable("\xff"
                      "a"),
            "?a");
  EXPECT_EQ(printable("\xc3"), "?");
  EXPECT_EQ(printable("\xc0\x8a"), "??");            // a line end in two bytes
  EXPECT_EQ(printable("\xe0\x80\x8a"), "???");       // in three
  EXPECT_EQ(printable("\xf0\x80\x80\x8a"), "????");  // in four
  EXPECT_EQ(printable("\xed\xa0\x80"), "???");       // half of a pair of UTF-16
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????");  // above the last character
}

TEST(Printable, OfMuchTheBeginningIsLeft) {
  EXPECT_EQ(printable("abcd", 4), "abcd");
  EXPECT_EQ(printable("abcde", 4), "abcd...");
  EXPECT_EQ(printable("abc\xc3\xbc", 4), "abc...");
}

TEST(Printable, IsWhatIsThrown) {
  EXPECT_EQ(message_of<InputError>([] { fail<InputError>("{}: {} required", "a\nb", 3); }),
            "a?b: 3 required");
  // A name in Latin-1 stays what it is.
  EXPECT_EQ(message_of<InputError>([] { fail<InputError>("{}", "caf\xe9\x1b[0m"); }),
            "caf\xe9?[0m");
}

TEST(OneLine, ReplacesControlCharactersAlone) {
  EXPECT_EQ(one_line("a\nb\r\t\x7f"), "a?b???");
  EXPECT_EQ(one_line("\xc2\x9b"
                     "0m \xc2\xa0 \xff \xc2"),
            "??0m \xc2\xa0 \xff \xc2");
  EXPECT_EQ(one_line(""), "");
}

}  // namespace
}  // namespace expunge
