#include "expunge/train/ensemble_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int64_t format_version = 1;

std::string dtype_name(torch::ScalarType dtype) {
  return dtype == torch::kFloat16 ? "float16" : "float32";
}

Json to_json(const EnsembleDescription& d) {
  Json settings = Json::object();
  for (const auto& [name, value] : d.settings) settings[name] = value;
  return {{"format", "expunge ensemble"},
          {"format_version", format_version},
          {"name", d.name},
          {"models", d.models},
          {"training_examples", d.layout.n},
          {"evaluation_points", d.layout.m},
          {"classes", d.layout.classes},
          {"logits_dtype", dtype_name(d.layout.logits_dtype)},
          {"weights", d.weights},
          {"settings", settings}};
}

EnsembleDescription read_description(const fs::path& path) {
  try {
    const Json json = Json::parse(read_file(path));
    if (json.at("format") != "expunge ensemble") {
      fail<InputError>("{}: an expunge ensemble required, got format {}", path.string(),
                       json.at("format").dump());
    }
    const auto version = json.at("format_version").get<int64_t>();
    if (version > format_version) {
      fail<InputError>(
          "{}: format version {} was written by a newer expunge; this one reads up to {}",
          path.string(), version, format_version);
    }
    EnsembleDescription d;
    d.name = json.at("name").get<std::string>();
    d.models = json.at("models").get<int64_t>();
    d.layout.n = json.at("training_examples").get<int64_t>();
    d.layout.m = json.at("evaluation_points").get<int64_t>();
    d.layout.classes = json.at("classes").get<int64_t>();
    const auto dtype = json.at("logits_dtype").get<std::string>();
    if (dtype != "float16" && dtype != "float32") {
      fail<InputError>("{}: logits_dtype float16 or float32 required, got {}", path.string(),
                       dtype);
    }
    d.layout.logits_dtype = dtype == "float16" ? torch::kFloat16 : torch::kFloat32;
    d.weights = json.at("weights").get<bool>();
    for (const auto& [name, value] : json.at("settings").items())
      d.settings[name] = value.get<std::string>();
    constexpr int64_t limit = int64_t{1} << 40;
    for (const int64_t size : {d.models, d.layout.n, d.layout.m, d.layout.classes}) {
      if (size <= 0 || size > limit)
        fail<InputError>("{}: sizes above 0 required, got {}", path.string(), size);
    }
    return d;
  } catch (const nlohmann::json::exception& error) {
    fail<InputError>("{}: not an ensemble description: {}", path.string(), error.what());
  }
}

// The first setting in which two descriptions differ, as a sentence; empty if they agree.
std::string first_difference(const EnsembleDescription& there, const EnsembleDescription& wanted) {
  const Json a = to_json(there).flatten();
  const Json b = to_json(wanted).flatten();
  for (const auto& [key, value] : b.items()) {
    const std::string name = key.substr(key.find_last_of('/') + 1);
    if (!a.contains(key)) return fmt::format("{} is {} now, and was not set", name, value.dump());
    if (a[key] != value)
      return fmt::format("{} is {} there and {} now", name, a[key].dump(), value.dump());
  }
  for (const auto& [key, value] : a.items()) {
    if (!b.contains(key)) return fmt::format("{} is set there", key);
  }
  return "";
}

}  // namespace

EnsembleStore::EnsembleStore(fs::path folder, EnsembleDescription description)
    : folder_(std::move(folder)),
      description_(std::move(description)),
      writer_(std::make_unique<ShardWriter>(folder_ / "shards", description_.layout)) {}

EnsembleStore EnsembleStore::create_or_open(const fs::path& folder,
                                            const EnsembleDescription& description) {
  const fs::path path = folder / "ensemble.json";
  if (fs::exists(path)) {
    const auto there = read_description(path);
    const auto difference = first_difference(there, description);
    if (!difference.empty()) {
      fail<InputError>("{}: holds another ensemble ({}); choose another folder or remove this one",
                       folder.string(), difference);
    }
    return {folder, there};
  }
  fs::create_directories(folder);
  write_file_atomically(path, to_json(description).dump(2) + "\n");
  return {folder, description};
}

EnsembleStore EnsembleStore::open(const fs::path& folder) {
  return {folder, read_description(folder / "ensemble.json")};
}

bool EnsembleStore::is_finalised() const {
  return fs::exists(folder_ / "_completed.npy");
}

std::vector<bool> EnsembleStore::completed() const {
  std::vector<bool> there(static_cast<size_t>(description_.models), is_finalised());
  if (is_finalised()) return there;
  visit_shards(folder_ / "shards", description_.layout, [&](const ShardRow& row) {
    if (row.row < 0 || row.row >= description_.models) return;
    if (description_.weights && !fs::exists(weights_path(row.row))) return;
    there[static_cast<size_t>(row.row)] = true;
  });
  return there;
}

bool EnsembleStore::is_complete() const {
  const auto there = completed();
  return std::all_of(there.begin(), there.end(), [](bool is) { return is; });
}

void EnsembleStore::append(int64_t row, const torch::Tensor& mask, const torch::Tensor& logits,
                           const Network& network, const Metadata& metadata) {
  if (row < 0 || row >= description_.models)
    fail("store: row in [0, {}) required, got {}", description_.models, row);
  if (description_.weights) {
    fs::create_directories(folder_ / "weights");
    write_model(weights_path(row), network, metadata);
  }
  writer_->append(row, mask, logits);
}

void EnsembleStore::finalise() {
  if (!is_finalised()) {
    if (!is_complete()) fail("{}: cannot be finalised before all rows are there", folder_.string());
    writer_->sync();
    write_npy(folder_ / "masks.npy", masks());
    write_npy(folder_ / "logits.npy", logits());
    write_npy(folder_ / "_completed.npy", torch::ones({description_.models}, torch::kBool));
  }
  // The last file above is the sign that the shards are no longer needed.
  writer_ = std::make_unique<ShardWriter>(folder_ / "shards", description_.layout);
  fs::remove_all(folder_ / "shards");
}

torch::Tensor EnsembleStore::masks() const {
  const auto& [n, m, classes, dtype] = description_.layout;
  if (is_finalised()) {
    const auto masks = map_npy(folder_ / "masks.npy");
    if (masks.sizes() != at::IntArrayRef({description_.models, n}) ||
        masks.scalar_type() != torch::kBool) {
      fail<InputError>("{}: masks.npy of shape ({}, {}) bool required, got ({}) {}",
                       folder_.string(), description_.models, n, fmt::join(masks.sizes(), ", "),
                       toString(masks.scalar_type()));
    }
    return masks;
  }
  const auto there = completed();
  const auto all = torch::zeros({description_.models, n}, torch::kBool);
  visit_shards(folder_ / "shards", description_.layout, [&](const ShardRow& row) {
    if (row.row >= 0 && row.row < description_.models) all[row.row].copy_(row.mask);
  });
  return all.index(
      {torch::tensor(std::vector<uint8_t>(there.begin(), there.end())).to(torch::kBool)});
}

torch::Tensor EnsembleStore::logits() const {
  const auto& [n, m, classes, dtype] = description_.layout;
  if (is_finalised()) {
    const auto logits = map_npy(folder_ / "logits.npy");
    if (logits.sizes() != at::IntArrayRef({description_.models, m, classes}) ||
        logits.scalar_type() != dtype) {
      fail<InputError>("{}: logits.npy of shape ({}, {}, {}) {} required, got ({}) {}",
                       folder_.string(), description_.models, m, classes, toString(dtype),
                       fmt::join(logits.sizes(), ", "), toString(logits.scalar_type()));
    }
    return logits;
  }
  const auto there = completed();
  const auto all = torch::zeros({description_.models, m, classes}, dtype);
  visit_shards(folder_ / "shards", description_.layout, [&](const ShardRow& row) {
    if (row.row >= 0 && row.row < description_.models) all[row.row].copy_(row.logits);
  });
  return all.index(
      {torch::tensor(std::vector<uint8_t>(there.begin(), there.end())).to(torch::kBool)});
}

fs::path EnsembleStore::weights_path(int64_t row) const {
  return folder_ / "weights" / fmt::format("{:05}.safetensors", row);
}

Model EnsembleStore::model(int64_t row) const {
  return read_model(weights_path(row));
}

}  // namespace expunge
