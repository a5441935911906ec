#include "expunge/core/to_floats.h"

#include <c10/util/Half.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace expunge {
namespace {

TEST(ToFloats, TurnsEveryFiniteHalfIntoItsValue) {
  std::vector<uint16_t> halves;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    if ((bits & 0x7C00U) != 0x7C00U) halves.push_back(static_cast<uint16_t>(bits));
  }
  std::vector<float> floats(halves.size());
  EXPECT_TRUE(to_floats(halves.data(), static_cast<int64_t>(halves.size()), floats.data()));
  for (size_t i = 0; i < halves.size(); ++i) {
    const auto expected = static_cast<float>(c10::Half(halves[i], c10::Half::from_bits()));
    EXPECT_EQ(floats[i], expected);
    EXPECT_EQ(std::signbit(floats[i]), std::signbit(expected));
  }
}

TEST(ToFloats, TellsWhatIsNotFinite) {
  std::vector<float> out(20);
  for (const uint16_t bad : {0x7C00, 0xFC00, 0x7E00, 0x7C01}) {
    std::vector<uint16_t> halves(20, 0x3C00);
    halves[13] = bad;
    EXPECT_FALSE(to_floats(halves.data(), 20, out.data()));
    EXPECT_TRUE(to_floats(halves.data(), 13, out.data()));
  }
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> floats(20, 1.5F);
    floats[17] = bad;
    EXPECT_FALSE(to_floats(floats.data(), 20, out.data()));
    EXPECT_TRUE(to_floats(floats.data(), 17, out.data()));
    EXPECT_EQ(out[3], 1.5F);
  }
}

}  // namespace
}  // namespace expunge
