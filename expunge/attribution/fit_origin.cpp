#include "expunge/attribution/fit_origin.h"

#include <algorithm>

#include "expunge/core/crc32.h"
#include "expunge/core/error.h"

namespace expunge {
std::string arrays_digest(const torch::Tensor& masks, const torch::Tensor& logits) {
  constexpr int64_t pieces = 64;
  constexpr int64_t piece_bytes = 16384;
  const uint32_t masks_crc = crc32_of(masks.data_ptr(), static_cast<size_t>(masks.numel()));
  const auto bytes = logits.numel() * logits.element_size();
  const auto* data = static_cast<const char*>(logits.data_ptr());
  uint32_t logits_crc = 0;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const int64_t begin = bytes / pieces * piece;
    logits_crc = crc32_of(data + begin, static_cast<size_t>(std::min(piece_bytes, bytes - begin)),
                          logits_crc);
  }
  return fmt::format("masks ({}) {:08x}, logits ({}) {} {:08x}", fmt::join(masks.sizes(), ", "),
                     masks_crc, fmt::join(logits.sizes(), ", "), toString(logits.scalar_type()),
                     logits_crc);
}

void FitOrigin::write_to(nlohmann::ordered_json& record) const {
  record["made_from"] = arrays;
  record["options"] = settings;
}

FitOrigin FitOrigin::of(const nlohmann::json& record) {
  FitOrigin origin;
  record.at("made_from").get_to(origin.arrays);
  record.at("options").get_to(origin.settings);
  return origin;
}

void FitOrigin::require(const FitOrigin& there, const std::string& path) const {
  if (there.arrays != arrays) {
    fail<InputError>("{}: a fit to {} required, got one to {}; remove the folder or choose another",
                     path, arrays, there.arrays);
  }
  for (const auto& [name, value] : settings) {
    const auto other = there.settings.find(name);
    if (other == there.settings.end() || other->second != value) {
      fail<InputError>(
          "{}: a fit with {} = {} required, got {}; remove the folder or choose another", path,
          name, value, other == there.settings.end() ? "none" : other->second);
    }
  }
}

}  // namespace expunge
