#include "expunge/core/blas.h"

#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace expunge {
namespace {

TEST(Blas, LibraryIsAFileThatThisProcessHasLoaded) {
  const auto blas = describe_blas();
  ASSERT_FALSE(blas.library.empty());
  ASSERT_TRUE(std::filesystem::exists(blas.library)) << blas.library;
  // What the kernel says is mapped into this process, symbolic links resolved.
  std::set<std::string> mapped;
  std::ifstream maps("/proc/self/maps");
  if (!maps) GTEST_SKIP() << "no /proc/self/maps here";
  for (std::string line; std::getline(maps, line);) {
    if (const auto path = line.find('/'); path != std::string::npos)
      mapped.insert(line.substr(path));
  }
  EXPECT_TRUE(mapped.contains(std::filesystem::canonical(blas.library).string())) << blas.library;
}

TEST(Blas, NameIsOneOfThoseThatAreKnownAndFitsTheLibrary) {
  const auto blas = describe_blas();
  const std::set<std::string> names = {"OpenBLAS", "BLIS", "MKL", "reference BLAS", "unknown"};
  EXPECT_TRUE(names.contains(blas.name)) << blas.name;
  const auto file = std::filesystem::canonical(blas.library).string();
  if (file.find("openblas") != std::string::npos) {
    EXPECT_EQ(blas.name, "OpenBLAS");
    EXPECT_FALSE(blas.core.empty());
  }
  if (file.find("/blas/") != std::string::npos) {
    EXPECT_EQ(blas.name, "reference BLAS");
  }
  if (file.find("blis") != std::string::npos) {
    EXPECT_EQ(blas.name, "BLIS");
  }
}

TEST(Blas, OpenBlasThatIsSerialHasNoThreadsOfItsOwn) {
  const auto blas = describe_blas();
  const auto file = std::filesystem::canonical(blas.library).string();
  if (file.find("openblas-serial") == std::string::npos) GTEST_SKIP() << "BLAS is " << file;
  EXPECT_FALSE(blas.has_own_threads);
}

TEST(Blas, BetterCoreTypeIsAdvisedOnlyWhereKernelsAreOld) {
  const auto blas = describe_blas();
  const std::set<std::string> advised = {"", "SkylakeX", "Haswell"};
  EXPECT_TRUE(advised.contains(blas.better_core_type)) << blas.better_core_type;
  if (!blas.better_core_type.empty()) {
    EXPECT_NE(blas.better_core_type, blas.core);
  }
}

}  // namespace
}  // namespace expunge
