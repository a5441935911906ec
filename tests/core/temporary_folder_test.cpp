#include "expunge/core/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>

namespace expunge {
namespace {

TEST(TemporaryFolder, IsNewAndGoesWithItsOwner) {
  std::optional<TemporaryFolder> one(std::in_place, "expunge-test");
  const TemporaryFolder other("expunge-test");
  EXPECT_NE(one->path(), other.path());
  EXPECT_EQ(one->path().filename().string().rfind("expunge-test-", 0), 0U);
  const auto path = one->path();
  std::ofstream(path / "file") << "x";
  ASSERT_TRUE(std::filesystem::exists(path / "file"));
  one.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(std::filesystem::is_directory(other.path()));
}

}  // namespace
}  // namespace expunge
