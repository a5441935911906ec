// A forecast's interval as JSON, in forecasts and in certificates.
#pragma once

#include <nlohmann/json.hpp>  // IWYU pragma: keep

#include "expunge/core/json_number.h"
#include "expunge/evaluate/klom_forecast.h"

namespace expunge {

/// {"value": ..., "low": ..., "high": ...}
inline nlohmann::ordered_json interval_json(const ForecastInterval& interval) {
  return {{"value", json_number(interval.median)},
          {"low", json_number(interval.low)},
          {"high", json_number(interval.high)}};
}

}  // namespace expunge
