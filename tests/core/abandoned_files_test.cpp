#include "expunge/core/abandoned_files.h"

#include <gtest/gtest.h>

#include <fstream>

#include "expunge/core/atomic_file.h"
#include "scratch_folder.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

TEST(AbandonedFiles, OldTemporariesGoAndAllElseStays) {
  const ScratchFolder scratch;
  const auto make = [&](const char* name, std::chrono::hours old) {
    const auto path = scratch.path() / name;
    std::ofstream(path) << "x";
    fs::last_write_time(path, fs::file_time_type::clock::now() - old);
    return path;
  };
  using std::chrono::hours;
  const auto abandoned = make(".00003.safetensors.0123456789abcdef.tmp", hours(2));
  const auto being_written = make(".00004.safetensors.0123456789abcdef.tmp", hours(0));
  const auto finished = make("00003.safetensors", hours(9));
  const auto of_others = make(".notes.tmp", hours(9));
  const auto alike = make(".00003.safetensors.0123456789abcdeg.tmp", hours(9));
  fs::create_directory(scratch.path() / ".folder.0123456789abcdef.tmp");
  remove_abandoned_files(scratch.path());
  EXPECT_FALSE(fs::exists(abandoned));
  for (const auto& path : {being_written, finished, of_others, alike})
    EXPECT_TRUE(fs::exists(path)) << path;
  EXPECT_TRUE(fs::exists(scratch.path() / ".folder.0123456789abcdef.tmp"));
  remove_abandoned_files(scratch.path(), std::chrono::seconds(0));
  EXPECT_FALSE(fs::exists(being_written));
}

// As when the clock jumps ahead while another process writes.
TEST(AbandonedFiles, WhatAProcessStillWritesStays) {
  const ScratchFolder scratch;
  AtomicFile file(scratch / "a");
  for (const auto& entry : fs::directory_iterator(scratch.path()))
    fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(24));
  remove_abandoned_files(scratch.path());
  file.write("whole");
  file.commit();
  EXPECT_EQ(read_file(scratch / "a"), "whole");
}

TEST(AbandonedFiles, NoFolderIsNoFault) {
  const ScratchFolder scratch;
  remove_abandoned_files(scratch.path() / "none");
  SUCCEED();
}

}  // namespace
}  // namespace expunge
