// What a fit that is kept in files was made from, so that it is not taken for another's.
#pragma once

#include <torch/types.h>

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace expunge {

struct FitOrigin {
  std::string arrays;                           // digest of masks and logits
  std::map<std::string, std::string> settings;  // options by name, as TOML

  /// InputError, which names `path` and the first difference, unless `there` is the same. Options that are not
  /// among these settings may differ.
  void require(const FitOrigin& there, const std::string& path) const;

  /// Adds "made_from" and "options" to a record.
  void write_to(nlohmann::ordered_json& record) const;
  /// The same back; throws nlohmann::json::exception for a record that does not say.
  static FitOrigin of(const nlohmann::json& record);
};

/// masks (N, n) bool and logits (N, m, C), contiguous: shapes, dtype, and checksums of all masks and of 64 pieces
/// of the logits spread over them, as reading all of them would cost as much as a prediction.
std::string arrays_digest(const torch::Tensor& masks, const torch::Tensor& logits);

}  // namespace expunge
