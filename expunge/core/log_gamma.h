// The logarithm of the gamma function, for threads too.
#pragma once

#include <math.h>

namespace expunge {

/// log |Gamma(x)|. std::lgamma() writes the sign to a variable of the whole process.
inline double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

}  // namespace expunge
