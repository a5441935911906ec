#include "expunge/evaluate/points_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

TEST(PointsFile, ReadsOneIndexALineInTheirOrder) {
  const ScratchFolder folder;
  std::ofstream(folder / "points.txt") << "# three\n7\n\n 2 \r\n0 # the first";
  EXPECT_EQ(read_points(folder / "points.txt", 8), (std::vector<int64_t>{7, 2, 0}));
}

TEST(PointsFile, AllowsAllPoints) {
  const ScratchFolder folder;
  std::ofstream(folder / "points.txt") << "1\n0\n";
  EXPECT_EQ(read_points(folder / "points.txt", 2), (std::vector<int64_t>{1, 0}));
}

TEST(PointsFile, NamesTheLineThatIsNoPoint) {
  const ScratchFolder folder;
  const auto file = folder / "points.txt";
  const auto message = [&](const std::string& text) -> std::string {
    std::ofstream(file) << text;
    try {
      read_points(file, 8);
    } catch (const InputError& error) {
      return std::string(error.what()).substr(file.string().size());
    }
    return "nothing thrown";
  };
  EXPECT_EQ(message("1\n8\n"), ":2: an index from 0 to 7 required (there are 8 points), got 8");
  EXPECT_EQ(message("-1\n"), ":1: an index from 0 to 7 required (there are 8 points), got -1");
  EXPECT_EQ(message("3\n\n3\n"), ":3: index 3 is there twice");
  EXPECT_EQ(message("1.0\n"), ":1: one whole number required, got \"1.0\"");
  EXPECT_EQ(message("1 2\n"), ":1: one whole number required, got \"1 2\"");
  EXPECT_EQ(message("99999999999999999999\n"),
            ":1: one whole number required, got \"99999999999999999999\"");
  EXPECT_EQ(message("# none\n\n"), ": at least one point required, got none");
  EXPECT_THROW(read_points(folder / "missing.txt", 8), SystemError);
}

}  // namespace
}  // namespace expunge
