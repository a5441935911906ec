#include "expunge/core/crc32.h"

#include <gtest/gtest.h>

#include <string>

namespace expunge {
namespace {

TEST(Crc32, IsTheCheckValueOfItsDefinition) {
  const std::string digits = "123456789";
  EXPECT_EQ(crc32_of(digits.data(), digits.size()), 0xcbf43926U);
  EXPECT_EQ(crc32_of(digits.data(), 0), 0U);
}

TEST(Crc32, GoesOnFromAPart) {
  const std::string digits = "123456789";
  EXPECT_EQ(crc32_of(digits.data() + 4, 5, crc32_of(digits.data(), 4)), 0xcbf43926U);
}

}  // namespace
}  // namespace expunge
