// Not a number, for tests of what refuses it.
#pragma once
#include <limits>

namespace expunge {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace expunge
