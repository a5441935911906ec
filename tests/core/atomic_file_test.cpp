#include "expunge/core/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

int64_t entries_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(AtomicFile, WhatIsWrittenIsRead) {
  const ScratchFolder folder;
  // Around the size of the buffer, and past it.
  for (const size_t size : {0U, 1U, 65535U, 65536U, 65537U, 300000U}) {
    std::string contents(size, '\0');
    for (size_t i = 0; i < size; ++i) contents[i] = static_cast<char>(i * 131 >> 3);
    write_file_atomically(folder / "a", contents);
    EXPECT_EQ(read_file(folder / "a"), contents);
    const MappedFile mapped(folder / "a");
    EXPECT_EQ(mapped.text(), contents);
  }
  EXPECT_EQ(entries_in(folder.path()), 1);
}

TEST(AtomicFile, SmallAndLargeWritesKeepTheirOrder) {
  const ScratchFolder folder;
  std::string expected;
  write_file_atomically(folder / "a", [&](FileWriter& file) {
    for (int i = 0; i < 40; ++i) {
      const std::string part(i % 5 == 0 ? 70000 : 977, static_cast<char>('a' + i % 26));
      file.write(part);
      expected += part;
    }
  });
  EXPECT_TRUE(read_file(folder / "a") == expected);
}

TEST(AtomicFile, OldFileStaysUntilTheNewOneIsWhole) {
  const ScratchFolder folder;
  write_file_atomically(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write(std::string(100000, 'x'));
    EXPECT_EQ(read_file(folder / "a"), "old");
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_THROW(write_file_atomically(folder / "a",
                                     [](FileWriter& file) {
                                       file.write("half");
                                       throw std::runtime_error("stop");
                                     }),
               std::runtime_error);
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries_in(folder.path()), 1);
}

TEST(AtomicFile, WriteThatFailsHalfWayLeavesTheOldFileAndNoTemporary) {
  const ScratchFolder folder;
  write_file_atomically(folder / "a", "old");
  // A limit on the size of files stands for the full disk.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = 100000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto message = message_of<SystemError>(
      [&] { write_file_atomically(folder / "a", std::string(250000, 'x')); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_SAYS(message, (folder / "a").string());
  EXPECT_SAYS(message, "File too large");
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries_in(folder.path()), 1);
}

TEST(AtomicFile, DeviceIsWrittenStraightAndAFullOneIsAnError) {
  write_file_atomically("/dev/null", "gone");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const auto message = message_of<SystemError>([] { write_file_atomically("/dev/full", "x"); });
  EXPECT_SAYS(message, "/dev/full: cannot be written: No space left on device");
}

TEST(AtomicFile, SymbolicLinkIsFollowed) {
  const ScratchFolder folder;
  write_file_atomically(folder / "file", "old");
  fs::create_symlink("file", folder / "link");
  write_file_atomically(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "file"), "new");
}

TEST(AtomicFile, NewFileHasTheUsualPermissions) {
  const ScratchFolder folder;
  write_file_atomically(folder / "a", "x");
  std::ofstream(folder / "b") << "x";
  EXPECT_EQ(fs::status(folder / "a").permissions(), fs::status(folder / "b").permissions());
}

TEST(AtomicFile, WhatCannotBeWrittenOrReadIsNamed) {
  const ScratchFolder folder;
  const auto missing = folder / "no/such/file";
  EXPECT_SAYS(message_of<SystemError>([&] { write_file_atomically(missing, "x"); }),
              missing.string() + ": cannot be created: No such file or directory");
  EXPECT_SAYS(message_of<SystemError>([&] { write_file_atomically(folder.path(), "x"); }),
              "Is a directory");
  EXPECT_SAYS(message_of<SystemError>([&] { read_file(missing); }),
              missing.string() + ": cannot be opened: No such file or directory");
  EXPECT_SAYS(message_of<SystemError>([&] { read_file(folder.path()); }), "Is a directory");
  EXPECT_SAYS(message_of<SystemError>([&] { MappedFile file(folder.path()); }), "Is a directory");
  EXPECT_SAYS(message_of<SystemError>([] { MappedFile file("/dev/null"); }),
              "regular file required");
}

TEST(AtomicFile, CommitTwiceIsRefused) {
  const ScratchFolder folder;
  AtomicFile file(folder / "a");
  file.commit();
  EXPECT_THROW(file.commit(), Error);
}

}  // namespace
}  // namespace expunge
