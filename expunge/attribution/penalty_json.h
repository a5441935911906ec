// The curve of held-out errors in the records that say how a penalty was chosen.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "expunge/attribution/lambda_choice.h"

namespace expunge {

/// [{"ratio": ..., "relative_error": ...}, ...]
inline nlohmann::ordered_json curve_json(const std::vector<PenaltyError>& curve) {
  auto points = nlohmann::ordered_json::array();
  for (const auto& point : curve)
    points.push_back({{"ratio", point.ratio}, {"relative_error", point.relative_error}});
  return points;
}

/// The same back; throws nlohmann::json::exception for anything else.
inline std::vector<PenaltyError> curve_of(const nlohmann::json& points) {
  std::vector<PenaltyError> curve;
  for (const auto& point : points)
    curve.push_back({point.at("ratio").get<double>(), point.at("relative_error").get<double>()});
  return curve;
}

}  // namespace expunge
