// A number as JSON, which knows no NaN and no infinity.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>

namespace expunge {

/// value, or null where it is not finite.
inline nlohmann::ordered_json json_number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

}  // namespace expunge
