// The peak against memory that the test takes itself.
#include "expunge/core/peak_memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace expunge {
namespace {

TEST(PeakMemory, GrowsByWhatIsTakenAndStaysWhenItIsGivenBack) {
  constexpr int64_t taken = int64_t{256} << 20;
  const int64_t before = peak_memory();
  { const std::vector<char> block(static_cast<size_t>(before + taken), 'x'); }
  EXPECT_GE(peak_memory(), before + taken);
  EXPECT_LT(peak_memory(), 3 * before + 2 * taken);
}

}  // namespace
}  // namespace expunge
