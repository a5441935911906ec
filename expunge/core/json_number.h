// Numbers as JSON, which knows no NaN and no infinity.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>  // IWYU pragma: keep

namespace expunge {

/// value, or null where it is not finite.
inline nlohmann::ordered_json json_number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

/// A whole number of at most 64 bits; nlohmann::json::type_error for anything else. get<int64_t>() also takes 1e30, and
/// what comes of that is undefined.
template <class Json>
int64_t whole_number(const Json& value) {
  return value.template get_ref<const typename Json::number_integer_t&>();
}

}  // namespace expunge
