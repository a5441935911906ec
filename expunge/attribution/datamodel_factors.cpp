// SubsetDatamodels::save, load: what does not depend on a forget set, kept in files.

#include <nlohmann/json.hpp>

#include "expunge/attribution/penalty_json.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/json_number.h"
#include "expunge/core/noted_checksum.h"
#include "expunge/core/npy.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

constexpr int format_version = 1;

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
  require_noted(path);
  return part;
}

// A digest without its last word, which is that of the logits' values.
std::string_view without_values(std::string_view digest) {
  return digest.substr(0, digest.rfind(' '));
}

}  // namespace

FitOrigin SubsetDatamodels::origin() const {
  RidgeOptions options = options_;
  return {arrays_digest(masks_, logits_), settings_of(options_of(options))};
}

bool SubsetDatamodels::is_saved(const fs::path& folder) {
  return fs::exists(folder / "factors.json");
}

// factors.json is written last and read first: without it nothing is there.
void SubsetDatamodels::save(const fs::path& folder) const {
  fs::create_directories(folder);
  write_noted_npy(folder / "factor.npy", factor_);
  write_noted_npy(folder / "own_effects.npy", own_effects_);
  nlohmann::ordered_json json;
  json["format_version"] = format_version;
  origin().write_to(json);
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
    if (const auto version = whole_number(json.at("format_version")); version != format_version) {
      fail<InputError>("{}: format version {} required, got {}", path.string(), format_version,
                       version);
    }
    auto origin = FitOrigin::of(json);
    const auto wanted = loaded.origin();
    if (overwritten && without_values(origin.arrays) == without_values(wanted.arrays))
      origin.arrays = wanted.arrays;
    wanted.require(origin, path.string());
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
