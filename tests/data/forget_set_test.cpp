// Forget sets in text files: what is read, and what is refused with its line.
#include "expunge/data/forget_set.h"

#include <gtest/gtest.h>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

using Indices = std::vector<int64_t>;

class ForgetFile : public testing::Test {
 protected:
  Indices read(const std::string& text, int64_t n = 10) {
    put_file(path_, text);
    return read_forget_set(path_, n);
  }
  // What follows the file's name in the message.
  std::string refusal(const std::string& text, int64_t n = 10) {
    const auto message = message_of<InputError>([&] { read(text, n); });
    EXPECT_EQ(message.rfind(path_.string() + ":", 0), 0U) << message;
    return message.substr(std::min(message.size(), path_.string().size() + 1));
  }
  ScratchFolder folder_;
  std::filesystem::path path_ = folder_ / "f.txt";
};

TEST_F(ForgetFile, OneIndexALineInTheFilesOrder) {
  EXPECT_EQ(read("3\n0\n9\n"), (Indices{3, 0, 9}));
  EXPECT_EQ(read("3\n0\n9"), (Indices{3, 0, 9}));
}

TEST_F(ForgetFile, CommentsBlanksAndCarriageReturnsArePassedOver) {
  EXPECT_EQ(read("# a list\n\n  3  # a dog\n\t0\n   \n#9\n5#6\n"), (Indices{3, 0, 5}));
  EXPECT_EQ(read("# a list\r\n\r\n3\r\n0 # dog\r\n5\r\n"), (Indices{3, 0, 5}));
}

TEST_F(ForgetFile, WhatIsNoWholeNumberIsRefusedWithItsLine) {
  for (const std::string line : {"x", "1.0", "1e1", "0x1", "1 2", "1,2", "+1", "- 1", "\"1\"",
                                 "9223372036854775808", "\xc3\xbc"}) {
    EXPECT_EQ(refusal("0\n# no index\n" + line + "\n5\n"),
              "3: one whole number required, got \"" + line + "\"");
  }
  EXPECT_EQ(refusal(std::string(1000, '1')),
            "1: one whole number required, got \"" + std::string(40, '1') + "...\"");
  EXPECT_EQ(refusal("1\t2\x1b"), "1: one whole number required, got \"1?2?\"");
}

TEST_F(ForgetFile, IndicesAreWithinTheTrainingSet) {
  const auto message = [](int line, int64_t got) {
    return fmt::format("{}: an index from 0 to 9 required (there are 10 training examples), got {}",
                       line, got);
  };
  EXPECT_EQ(refusal("0\n10\n"), message(2, 10));
  EXPECT_EQ(refusal("-1\n"), message(1, -1));
  EXPECT_EQ(refusal("9223372036854775807\n"), message(1, 9223372036854775807));
}

TEST_F(ForgetFile, NoIndexIsThereTwice) {
  EXPECT_EQ(refusal("4\n2\n\n4\n"), "4: index 4 is there twice");
}

TEST_F(ForgetFile, SomethingIsForgottenAndSomethingRetained) {
  const std::string none = " at least one index to forget required, got none";
  EXPECT_EQ(refusal(""), none);
  EXPECT_EQ(refusal("# nothing\n\n"), none);
  EXPECT_EQ(refusal("2\n0\n1\n", 3),
            " all 3 training examples are to be forgotten; at least one must be retained");
  EXPECT_EQ(read("2\n0\n1\n", 4), (Indices{2, 0, 1}));
}

TEST_F(ForgetFile, WhatIsWrittenIsReadBack) {
  const Indices forget = {8, 0, 3, 9};
  write_forget_set(path_, forget);
  EXPECT_EQ(read_file(path_), "8\n0\n3\n9\n");
  EXPECT_EQ(read_forget_set(path_, 10), forget);
}

TEST_F(ForgetFile, CommentsComeFirstOneALineAndAreReadOver) {
  const Indices forget = {8, 0};
  write_forget_set(path_, forget, {"random", "", "a #\nb\x7f"});
  EXPECT_EQ(read_file(path_), "# random\n# \n# a #?b?\n8\n0\n");
  EXPECT_EQ(read_forget_set(path_, 10), forget);
}

TEST_F(ForgetFile, AMissingFileIsNamed) {
  EXPECT_EQ(message_of<SystemError>([&] { read_forget_set(path_, 10); }),
            path_.string() + ": cannot be opened: No such file or directory");
}

TEST(ForgetSet, IndicesAtHandAreCheckedAlike) {
  const auto refusal = [](const Indices& forget, int64_t n) {
    return message_of<InputError>([&] { check_forget_set(forget, n, "here"); });
  };
  EXPECT_EQ(refusal({}, 5), "here: at least one index to forget required, got none");
  EXPECT_EQ(refusal({1, 1}, 5), "here: index 1 is there twice");
  EXPECT_SAYS(refusal({5}, 5), "here: an index from 0 to 4 required");
  EXPECT_SAYS(refusal({1, 0}, 2), "here: all 2 training examples are to be forgotten");
  const Indices sound = {4, 0};
  EXPECT_NO_THROW(check_forget_set(sound, 5, "here"));
}

TEST(ForgetSet, RetainedExamplesAreAllOthersInOrder) {
  const Indices forget = {4, 1};
  EXPECT_EQ(retain_indices(forget, 6), (Indices{0, 2, 3, 5}));
  EXPECT_TRUE(torch::equal(forget_mask(forget, 6),
                           torch::tensor({false, true, false, false, true, false})));
}

}  // namespace
}  // namespace expunge
