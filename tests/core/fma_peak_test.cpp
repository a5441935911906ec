// The measured multiply-add peak.
#include "expunge/core/fma_peak.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

// Every CPU that runs this does more than 1 multiply-add in 2 ns, and none does 100 a cycle at
// 10 GHz: a loop that the compiler emptied would.
TEST(FmaPeak, IsAPossibleRate) {
  const double peak = fma_peak(1);
  EXPECT_GT(peak, 1);
  EXPECT_LT(peak, 2000);
}

TEST(FmaPeak, TwoThreadsAreNotSlowerThanOne) {
  if (worker_count() < 2) GTEST_SKIP() << "one processor";
  // The best of several, because other work on the machine takes from both.
  double share = 0;
  for (int attempt = 0; attempt < 20 && share < 0.8; ++attempt) {
    share = std::max(share, fma_peak(2) / fma_peak(1));
  }
  EXPECT_GE(share, 0.8);
}

TEST(FmaPeak, NoThreadsAreRefused) {
  EXPECT_THROW(fma_peak(0), Error);
}

}  // namespace
}  // namespace expunge
