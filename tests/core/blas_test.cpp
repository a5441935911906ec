#include "expunge/core/blas.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>

#include "expunge/core/worker_pool.h"

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

TEST(Blas, SerialOpenBlasIsKnownToBeUnsafeInThreads) {
  const auto blas = describe_blas();
  const auto file = std::filesystem::canonical(blas.library).string();
  if (file.find("openblas") == std::string::npos) GTEST_SKIP() << "BLAS is " << file;
  EXPECT_EQ(blas.is_thread_safe, file.find("openblas-serial") == std::string::npos);
}

// With a BLAS without locks and without turns, a few of these come out wrong each time.
TEST(Blas, FactorisationsInTurnsAreRightInEveryThread) {
  torch::manual_seed(2);
  const auto x = torch::randn({64, 64}, torch::kFloat64);
  const auto system = x.matmul(x.t()) + 6 * torch::eye(64, torch::kFloat64);
  const auto expected = std::get<0>(at::linalg_cholesky_ex(system));
  std::atomic<int64_t> wrong{0};
  parallel_for(20000, 2, [&](int64_t) {
    const BlasTurn turn;
    if (!torch::equal(std::get<0>(at::linalg_cholesky_ex(system)), expected)) ++wrong;
  });
  EXPECT_EQ(wrong.load(), 0);
}

TEST(Blas, AThreadMayTakeATurnWithinItsTurn) {
  const BlasTurn outer;
  const BlasTurn inner;
  SUCCEED();
}

}  // namespace
}  // namespace expunge
