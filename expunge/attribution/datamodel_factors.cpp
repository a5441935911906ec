// SubsetDatamodels::save, load: what does not depend on a forget set, kept in files.

#include <ATen/ops/linalg_cholesky_ex.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "expunge/attribution/penalty_json.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

constexpr int format_version = 1;

uint32_t crc_of(uint32_t crc, const void* bytes, int64_t count) {
  return static_cast<uint32_t>(
      ::crc32_z(crc, static_cast<const Bytef*>(bytes), static_cast<size_t>(count)));
}

torch::Tensor read_part(const fs::path& path, torch::ScalarType dtype,
                        const std::vector<int64_t>& shape) {
  auto part = read_npy(path);
  if (part.scalar_type() != dtype || part.sizes() != at::IntArrayRef(shape)) {
    fail<InputError>("{}: ({}) of {} required, got ({}) of {}", path.string(),
                     fmt::join(shape, ", "), toString(dtype), fmt::join(part.sizes(), ", "),
                     toString(part.scalar_type()));
  }
  if (!torch::isfinite(part).all().item<bool>())
    fail<NonFiniteError>("{}: finite values required, got NaN or infinity", path.string());
  return part;
}

// A digest without its last word, which is that of the logits' values.
std::string_view without_values(std::string_view digest) {
  return digest.substr(0, digest.rfind(' '));
}

}  // namespace

// All of the masks, and 64 pieces of the logits spread over them: reading all of them would cost as
// much as a prediction.
std::string SubsetDatamodels::digest() const {
  constexpr int64_t pieces = 64;
  constexpr int64_t piece_bytes = 16384;
  uint32_t masks_crc = crc_of(0, masks_.data_ptr(), masks_.numel());
  const auto bytes = logits_.numel() * static_cast<int64_t>(logits_.element_size());
  const auto* data = static_cast<const char*>(logits_.data_ptr());
  uint32_t logits_crc = 0;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const int64_t begin = bytes / pieces * piece;
    logits_crc = crc_of(logits_crc, data + begin, std::min(piece_bytes, bytes - begin));
  }
  return fmt::format("masks ({}) {:08x}, logits ({}) {} {:08x}", fmt::join(masks_.sizes(), ", "),
                     masks_crc, fmt::join(logits_.sizes(), ", "), toString(logits_.scalar_type()),
                     logits_crc);
}

bool SubsetDatamodels::is_saved(const fs::path& folder) {
  return fs::exists(folder / "factors.json");
}

// factors.json is written last and read first: without it nothing is there.
void SubsetDatamodels::save(const fs::path& folder) const {
  fs::create_directories(folder);
  write_npy(folder / "factor.npy", factor_);
  write_npy(folder / "own_effects.npy", own_effects_);
  RidgeOptions options = options_;
  nlohmann::ordered_json json;
  json["format_version"] = format_version;
  json["made_from"] = digest();
  json["options"] = settings_of(options_of(options));
  json["alpha"] = alpha_;
  json["lambda"] = lambda_.lambda;
  json["lambda_ratio"] = lambda_.ratio;
  json["held_out_error"] = curve_json(lambda_.curve);
  write_file_atomically(folder / "factors.json", json.dump(2) + "\n");
}

SubsetDatamodels SubsetDatamodels::load(const fs::path& folder, const torch::Tensor& masks,
                                        const torch::Tensor& logits, const RidgeOptions& options,
                                        bool overwritten) {
  SubsetDatamodels loaded(masks, logits, options);
  const auto path = folder / "factors.json";
  const int64_t models = loaded.masks_.size(0);
  try {
    const auto json = nlohmann::json::parse(read_file(path));
    if (const auto version = json.at("format_version").get<int>(); version != format_version) {
      fail<InputError>("{}: format version {} required, got {}", path.string(), format_version,
                       version);
    }
    const auto made_from = json.at("made_from").get<std::string>();
    const auto digest = loaded.digest();
    if (made_from != digest &&
        !(overwritten && without_values(made_from) == without_values(digest))) {
      fail<InputError>(
          "{}: factors of {} required, got those of {}; remove the folder or choose another",
          path.string(), digest, made_from);
    }
    RidgeOptions copy = options;
    for (const auto& [name, value] : settings_of(options_of(copy))) {
      const auto there = json.at("options").at(name).get<std::string>();
      if (there != value) {
        fail<InputError>(
            "{}: factors with {} = {} required, got {}; remove the folder or choose another",
            path.string(), name, value, there);
      }
    }
    loaded.alpha_ = json.at("alpha").get<double>();
    loaded.lambda_.lambda = json.at("lambda").get<double>();
    loaded.lambda_.ratio = json.at("lambda_ratio").get<double>();
    loaded.lambda_.curve = curve_of(json.at("held_out_error"));
  } catch (const nlohmann::json::exception&) {
    fail<InputError>(
        "{}: factors as saved by expunge required, got a damaged file; remove the folder",
        path.string());
  }
  loaded.factor_ = read_part(folder / "factor.npy", torch::kFloat64, {models, models});
  loaded.own_effects_ = read_part(folder / "own_effects.npy", torch::kFloat32,
                                  {loaded.masks_.size(1), loaded.logits_.size(2)});
  return loaded;
}

}  // namespace expunge
