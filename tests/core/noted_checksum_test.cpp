#include "expunge/core/noted_checksum.h"

#include <gtest/gtest.h>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "message_of.h"
#include "put_file.h"
#include "scratch_folder.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

class NotedChecksum : public testing::Test {
 protected:
  void write(const std::string& text) {
    write_noted(file_, [&] { put_file(file_, text); });
  }
  ScratchFolder folder_;
  fs::path file_ = folder_ / "a.npy";
};

TEST_F(NotedChecksum, IsTheFilesOwn) {
  write("123456789");
  EXPECT_EQ(note_of(file_), folder_ / "checksums/a.npy.crc32");
  EXPECT_EQ(read_file(note_of(file_)), "cbf43926\n");  // the check value of CRC-32
  EXPECT_EQ(agrees_with_note(file_), true);
  require_noted(file_);
}

TEST_F(NotedChecksum, AnyOtherByteIsNoticed) {
  const std::string text = "finished long ago";
  write(text);
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    auto flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    put_file(file_, flipped);
    EXPECT_EQ(agrees_with_note(file_), false) << bit;
  }
  for (const auto& other : {text.substr(1), text.substr(0, 3), text + "x", std::string()}) {
    put_file(file_, other);
    EXPECT_EQ(message_of<InputError>([&] { require_noted(file_); }),
              file_.string() +
                  ": the bytes whose checksum was noted required, got others, damaged or changed "
                  "since; put the file back, have it made again, or remove " +
                  note_of(file_).string() + " to take it as it is");
  }
}

TEST_F(NotedChecksum, AFileWithoutANoteIsTakenAsItIs) {
  put_file(file_, "mine");
  EXPECT_EQ(agrees_with_note(file_), std::nullopt);
  require_noted(file_);
}

TEST_F(NotedChecksum, AFileThatIsReplacedIsNotedAnew) {
  write("old");
  write("new");
  EXPECT_EQ(agrees_with_note(file_), true);
}

// Killed, or failed, before the file is noted: the old note must not stand beside a new file.
TEST_F(NotedChecksum, AWriteThatFailsLeavesNoNote) {
  write("old");
  EXPECT_THROW(write_noted(file_,
                           [&] {
                             put_file(file_, "new");
                             throw std::runtime_error("stop");
                           }),
               std::runtime_error);
  EXPECT_EQ(agrees_with_note(file_), std::nullopt);
}

TEST_F(NotedChecksum, ADamagedNoteIsRefusedByItsName) {
  write("text");
  for (const auto* bad : {"", "cbf43926", "CBF43926\n", "cbf43926\n\n", "no hex at all\n"}) {
    put_file(note_of(file_), bad);
    EXPECT_SAYS(message_of<InputError>([&] { agrees_with_note(file_); }),
                note_of(file_).string() + ": a CRC-32 of 8 hexadecimal digits required");
  }
}

TEST_F(NotedChecksum, TheFileOfANoteIsKnown) {
  EXPECT_EQ(file_of_note(note_of(file_)), file_);
  EXPECT_EQ(file_of_note(folder_ / "checksums/a.npy"), "");
  EXPECT_EQ(file_of_note(folder_ / "a.npy.crc32"), "");
}

}  // namespace
}  // namespace expunge
