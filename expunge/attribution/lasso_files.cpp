// LassoDatamodels::save, load.
#include <ATen/ops/from_blob.h>

#include <nlohmann/json.hpp>

#include "expunge/attribution/lasso_datamodels.h"
#include "expunge/attribution/penalty_json.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/json_number.h"
#include "expunge/core/noted_checksum.h"
#include "expunge/core/npy.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

constexpr int lasso_format_version = 2;

template <class T>
torch::Tensor viewed(const std::vector<T>& values, torch::ScalarType dtype) {
  return at::from_blob(const_cast<T*>(values.data()), {static_cast<int64_t>(values.size())}, dtype);
}

template <class T>
std::vector<T> read_list(const fs::path& path, torch::ScalarType dtype, int64_t size) {
  const auto array = read_npy(path);
  if (array.dim() != 1 || array.scalar_type() != dtype || array.size(0) != size) {
    fail<InputError>("{}: ({}) of {} required, got ({}) of {}", path.string(), size,
                     toString(dtype), fmt::join(array.sizes(), ", "),
                     toString(array.scalar_type()));
  }
  const auto* data = array.data_ptr<T>();
  return {data, data + size};
}

}  // namespace

// lasso.json is written last and read first: without it nothing is there.
void LassoDatamodels::save(const fs::path& folder) const {
  fs::create_directories(folder);
  write_noted_npy(folder / "offsets.npy", viewed(offsets_, torch::kInt64));
  write_noted_npy(folder / "examples.npy", viewed(which_, torch::kInt32));
  write_noted_npy(folder / "effects.npy", viewed(values_, torch::kFloat32));
  write_noted_npy(folder / "lambdas.npy", lambdas_);
  nlohmann::ordered_json json;
  json["format_version"] = lasso_format_version;
  origin_.write_to(json);
  json["examples"] = examples_;
  json["points"] = points_;
  json["classes"] = classes_;
  json["effects"] = count();
  json["held_out_error"] = curve_json(curve_);
  write_file_atomically(folder / "lasso.json", json.dump(2) + "\n");
}

FitOrigin LassoDatamodels::origin_of(const torch::Tensor& masks, const torch::Tensor& logits,
                                     LassoOptions options) {
  return {arrays_digest(masks.contiguous(), logits.contiguous()), settings_of(options_of(options))};
}

bool LassoDatamodels::is_saved(const fs::path& folder) {
  return fs::exists(folder / "lasso.json");
}

LassoDatamodels LassoDatamodels::load(const fs::path& folder, const torch::Tensor& masks,
                                      const torch::Tensor& logits, const LassoOptions& options) {
  auto loaded = load(folder);
  const auto path = (folder / "lasso.json").string();
  origin_of(masks, logits, options).require(loaded.origin_, path);
  return loaded;
}

LassoDatamodels LassoDatamodels::load(const fs::path& folder) {
  LassoDatamodels loaded;
  const auto path = folder / "lasso.json";
  int64_t count = 0;
  try {
    const auto json = nlohmann::json::parse(read_file(path));
    if (const auto version = whole_number(json.at("format_version"));
        version != lasso_format_version) {
      fail<InputError>("{}: format version {} required, got {}", path.string(),
                       lasso_format_version, version);
    }
    loaded.examples_ = whole_number(json.at("examples"));
    loaded.points_ = whole_number(json.at("points"));
    loaded.classes_ = whole_number(json.at("classes"));
    count = whole_number(json.at("effects"));
    loaded.curve_ = curve_of(json.at("held_out_error"));
    loaded.origin_ = FitOrigin::of(json);
  } catch (const nlohmann::json::exception&) {
    fail<InputError>("{}: datamodels as saved by expunge required, got a damaged file",
                     path.string());
  }
  if (loaded.examples_ < 1 || loaded.points_ < loaded.examples_ || loaded.classes_ < 1 ||
      loaded.points_ > (int64_t{1} << 40) / loaded.classes_ || count < 0) {
    fail<InputError>(
        "{}: 1 <= examples <= points and classes of at least 1 required, got {}, {} and {}",
        path.string(), loaded.examples_, loaded.points_, loaded.classes_);
  }
  const int64_t targets = loaded.points_ * loaded.classes_;
  loaded.offsets_ = read_list<int64_t>(folder / "offsets.npy", torch::kInt64, targets + 1);
  loaded.which_ = read_list<int32_t>(folder / "examples.npy", torch::kInt32, count);
  loaded.values_ = read_list<float>(folder / "effects.npy", torch::kFloat32, count);
  loaded.lambdas_ = read_npy(folder / "lambdas.npy");
  if (loaded.lambdas_.sizes() != at::IntArrayRef({loaded.points_, loaded.classes_}) ||
      loaded.lambdas_.scalar_type() != torch::kFloat32) {
    fail<InputError>("{}: ({}, {}) of Float required, got ({}) of {}",
                     (folder / "lambdas.npy").string(), loaded.points_, loaded.classes_,
                     fmt::join(loaded.lambdas_.sizes(), ", "),
                     toString(loaded.lambdas_.scalar_type()));
  }
  bool rises = loaded.offsets_.front() == 0 && loaded.offsets_.back() == count;
  for (size_t t = 1; t < loaded.offsets_.size(); ++t)
    rises = rises && loaded.offsets_[t] >= loaded.offsets_[t - 1];
  if (!rises) {
    fail<InputError>("{}: offsets that rise from 0 to {} required, got others",
                     (folder / "offsets.npy").string(), count);
  }
  for (const int32_t i : loaded.which_) {
    if (i < 0 || i >= loaded.examples_) {
      fail<InputError>("{}: training examples below {} required, got {}",
                       (folder / "examples.npy").string(), loaded.examples_, i);
    }
  }
  for (const float value : loaded.values_) {
    if (!std::isfinite(value))
      fail<NonFiniteError>("{}: finite effects required, got NaN or infinity",
                           (folder / "effects.npy").string());
  }
  for (const char* name : {"offsets.npy", "examples.npy", "effects.npy", "lambdas.npy"})
    require_noted(folder / name);
  return loaded;
}

}  // namespace expunge
