#include "expunge/train/ensemble_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "expunge/core/abandoned_files.h"
#include "expunge/core/array_bytes.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/noted_checksum.h"
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

// A value as it stands in a message of one line.
std::string shown(const Json& value) {
  constexpr size_t longest = 60;
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  std::string text = value.dump();
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  return text;
}

int64_t whole_number(const Json& json, const std::string& key) {
  const auto& value = json.at(key);
  if (!value.is_number_integer())
    fail<InputError>("{}: a whole number required, got {}", key, shown(value));
  return value.get<int64_t>();
}

// InputError unless a store of these sizes can exist.
void check_sizes(const EnsembleDescription& d) {
  const auto& layout = d.layout;
  for (const int64_t size : {d.models, layout.n, layout.m, layout.classes}) {
    if (size <= 0) fail<InputError>("sizes above 0 required, got {}", size);
  }
  constexpr int64_t most_models = 10'000'000;
  if (d.models > most_models || !array_bytes({d.models, layout.m, layout.classes}, 8) ||
      !array_bytes({d.models, layout.n}, 8)) {
    fail<InputError>("{} models of {} masks and {} x {} logits are more than any disk holds",
                     d.models, layout.n, layout.m, layout.classes);
  }
  if (layout.logits_dtype != torch::kFloat16 && layout.logits_dtype != torch::kFloat32)
    fail<InputError>("logits as float16 or float32 required, got {}",
                     toString(layout.logits_dtype));
}

EnsembleDescription parse_description(const std::string& text) {
  const Json json = Json::parse(text);
  if (json.at("format") != "expunge ensemble")
    fail<InputError>("an expunge ensemble required, got format {}", shown(json.at("format")));
  const auto version = whole_number(json, "format_version");
  if (version > format_version) {
    fail<InputError>("format version {} was written by a newer expunge; this one reads up to {}",
                     version, format_version);
  }
  if (version < 1) fail<InputError>("format version 1 required, got {}", version);
  EnsembleDescription d;
  d.name = json.at("name").get<std::string>();
  d.models = whole_number(json, "models");
  d.layout.n = whole_number(json, "training_examples");
  d.layout.m = whole_number(json, "evaluation_points");
  d.layout.classes = whole_number(json, "classes");
  const auto dtype = json.at("logits_dtype").get<std::string>();
  if (dtype != "float16" && dtype != "float32")
    fail<InputError>("logits_dtype float16 or float32 required, got {}",
                     shown(json.at("logits_dtype")));
  d.layout.logits_dtype = dtype == "float16" ? torch::kFloat16 : torch::kFloat32;
  d.weights = json.at("weights").get<bool>();
  const auto& settings = json.at("settings");
  if (!settings.is_object())
    fail<InputError>("settings: an object required, got {}", shown(settings));
  for (const auto& [name, value] : settings.items()) d.settings[name] = value.get<std::string>();
  check_sizes(d);
  return d;
}

EnsembleDescription read_description(const fs::path& path) {
  const auto text = read_file(path);
  try {
    return parse_description(text);
  } catch (const nlohmann::json::exception& error) {
    fail<InputError>("{}: not an ensemble description: {}", path.string(), error.what());
  } catch (const InputError& error) {
    fail<InputError>("{}: {}", path.string(), error.what());
  }
}

// The first setting in which two descriptions differ, as a sentence; empty if they agree.
std::string first_difference(const EnsembleDescription& there, const EnsembleDescription& wanted) {
  const auto flat = [](const EnsembleDescription& d) {
    Json json = to_json(d);
    json.erase("settings");
    for (const auto& [name, value] : d.settings) json[name] = value;
    return json;
  };
  const Json a = flat(there);
  const Json b = flat(wanted);
  for (const auto& [name, value] : b.items()) {
    if (!a.contains(name)) return fmt::format("{} is not set there and {} now", name, shown(value));
    if (a[name] != value)
      return fmt::format("{} is {} there and {} now", name, shown(a[name]), shown(value));
  }
  for (const auto& [name, value] : a.items()) {
    if (!b.contains(name)) return fmt::format("{} is {} there and not set now", name, shown(value));
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
  check_sizes(description);
  const fs::path path = folder / "ensemble.json";
  fs::create_directories(folder);
  for (const auto& place : {folder, folder / "weights"}) remove_abandoned_files(place);
  // Of two processes that make the store at the same instant one is first; the other compares.
  write_new_file(path, to_json(description).dump(2) + "\n");
  const auto there = read_description(path);
  const auto difference = first_difference(there, description);
  if (!difference.empty()) {
    fail<InputError>("{}: holds another ensemble ({}); choose another folder or remove this one",
                     folder.string(), difference);
  }
  // Whoever made it may have been killed before it was noted. That it is whole, the comparison shows.
  if (!agrees_with_note(path)) write_noted(path, [] {});
  return {folder, there};
}

EnsembleStore EnsembleStore::open(const fs::path& folder) {
  return {folder, read_description(folder / "ensemble.json")};
}

bool EnsembleStore::is_finalised() const {
  return fs::exists(folder_ / "_completed.npy");
}

// Whether a row of the shards counts: within the ensemble, and with its weights.
bool EnsembleStore::counts(int64_t row) const {
  if (row < 0 || row >= description_.models) return false;
  return !description_.weights || fs::exists(weights_path(row));
}

// Visits the rows of the shards that count. Returns which there are.
std::vector<bool> EnsembleStore::visit_rows(
    const std::function<void(const ShardRow&)>& visit) const {
  std::vector<bool> there(static_cast<size_t>(description_.models), false);
  visit_shards(folder_ / "shards", description_.layout, [&](const ShardRow& row) {
    if (!counts(row.row)) return;
    there[static_cast<size_t>(row.row)] = true;
    visit(row);
  });
  return there;
}

// Which rows of a share the shards hold: by their numbers alone, or read, as a damaged one is none.
std::vector<bool> EnsembleStore::in_shards(const RowShare& share, bool read) const {
  std::vector<bool> there(static_cast<size_t>(description_.models), false);
  const ShardIndex index(folder_ / "shards", description_.layout);
  for (const auto& place : index.places()) {
    if (!counts(place.row) || !share.holds(place.row) || there[static_cast<size_t>(place.row)])
      continue;
    there[static_cast<size_t>(place.row)] = !read || index.read(place).has_value();
  }
  return there;
}

std::vector<bool> EnsembleStore::completed(const RowShare& share) const {
  if (!is_finalised()) {
    auto there = in_shards(share, /*read=*/true);
    // Another process may have finalised the store meanwhile, and removed the shards.
    if (!is_finalised()) return there;
  }
  const auto completed = from_file("_completed.npy", torch::kBool, {description_.models});
  if (!completed.all().item<bool>()) {
    fail<InputError>("{}: all {} rows required, got {}", (folder_ / "_completed.npy").string(),
                     description_.models, completed.sum().item<int64_t>());
  }
  return std::vector<bool>(static_cast<size_t>(description_.models), true);
}

std::vector<bool> EnsembleStore::listed() const {
  if (!is_finalised()) {
    auto there = in_shards({}, /*read=*/false);
    if (!is_finalised()) return there;
  }
  return completed();
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

// A row at a time, as memory need not hold what a thousand tasks have made.
void EnsembleStore::write_arrays(const std::function<ShardRow(int64_t)>& row_of) const {
  const auto& layout = description_.layout;
  const auto masks_path = folder_ / "masks.npy";
  const auto logits_path = folder_ / "logits.npy";
  NpyWriter masks(masks_path, torch::kBool, {description_.models, layout.n});
  NpyWriter logits(logits_path, layout.logits_dtype,
                   {description_.models, layout.m, layout.classes});
  for (int64_t i = 0; i < description_.models; ++i) {
    const auto row = row_of(i);
    masks.append(row.mask.unsqueeze(0));
    logits.append(row.logits.unsqueeze(0));
  }
  write_noted(masks_path, [&] { masks.finish(); });
  write_noted(logits_path, [&] { logits.finish(); });
  // The sign that the shards are no longer needed.
  write_npy(folder_ / "_completed.npy", torch::ones({description_.models}, torch::kBool));
}

void EnsembleStore::finalise() {
  if (!is_finalised()) {
    const ShardIndex index(folder_ / "shards", description_.layout);
    std::vector<std::vector<ShardIndex::Place>> places(static_cast<size_t>(description_.models));
    for (const auto& place : index.places()) {
      if (counts(place.row)) places[static_cast<size_t>(place.row)].push_back(place);
    }
    try {
      write_arrays([&](int64_t i) {
        for (const auto& place : places[static_cast<size_t>(i)]) {
          if (auto row = index.read(place)) return *std::move(row);
        }
        const auto there = completed();
        fail("{}: cannot be finalised before all {} rows are there, got {}", folder_.string(),
             description_.models, std::count(there.begin(), there.end(), true));
      });
    } catch (const Error&) {
      // Another process may have finalised it meanwhile, and removed the shards.
      if (!is_finalised()) throw;
    }
  }
  // Where another process adds to the shards while they are removed, they stay, until it finalises the
  // store too.
  writer_ = std::make_unique<ShardWriter>(folder_ / "shards", description_.layout);
  std::error_code none;
  fs::remove_all(folder_ / "shards", none);
}

EnsembleStore EnsembleStore::write(const fs::path& folder, const EnsembleDescription& description,
                                   const std::function<ShardRow(int64_t)>& row_of) {
  if (fs::exists(folder / "ensemble.json"))
    fail<InputError>("{}: a folder without an ensemble required, got one", folder.string());
  auto store = create_or_open(folder, description);
  try {
    store.write_arrays(row_of);
  } catch (...) {
    std::error_code none;
    fs::remove(folder / "ensemble.json", none);
    throw;
  }
  return store;
}

// One part of the rows that the shards hold, in the order of the rows.
torch::Tensor EnsembleStore::from_shards(torch::Tensor ShardRow::*part) const {
  const auto& layout = description_.layout;
  const auto there = visit_rows([](const ShardRow&) {});
  std::vector<int64_t> place(there.size(), -1);
  int64_t rows = 0;
  for (size_t i = 0; i < there.size(); ++i) {
    if (there[i]) place[i] = rows++;
  }
  const auto all = part == &ShardRow::mask
                       ? torch::empty({rows, layout.n}, torch::kBool)
                       : torch::empty({rows, layout.m, layout.classes}, layout.logits_dtype);
  const auto again = visit_rows([&](const ShardRow& row) {
    const int64_t at = place[static_cast<size_t>(row.row)];
    if (at >= 0) all[at].copy_(row.*part);
  });
  for (size_t i = 0; i < there.size(); ++i) {
    if (there[i] && !again[i] && !is_finalised())
      fail<SystemError>("{}: row {} went away while it was read", folder_.string(), i);
  }
  return all;
}

torch::Tensor EnsembleStore::from_file(const std::string& name, torch::ScalarType dtype,
                                       const std::vector<int64_t>& shape) const {
  const auto path = folder_ / name;
  const auto array = map_npy(path);
  if (array.sizes() != at::IntArrayRef(shape) || array.scalar_type() != dtype) {
    fail<InputError>("{}: an array ({}) of {} required, got ({}) of {}", path.string(),
                     fmt::join(shape, ", "), toString(dtype), fmt::join(array.sizes(), ", "),
                     toString(array.scalar_type()));
  }
  return array;
}

torch::Tensor EnsembleStore::masks() const {
  if (!is_finalised()) {
    auto rows = from_shards(&ShardRow::mask);
    if (!is_finalised()) return rows;
  }
  return from_file("masks.npy", torch::kBool, {description_.models, description_.layout.n});
}

torch::Tensor EnsembleStore::logits() const {
  const auto& layout = description_.layout;
  if (!is_finalised()) {
    auto rows = from_shards(&ShardRow::logits);
    if (!is_finalised()) return rows;
  }
  return from_file("logits.npy", layout.logits_dtype,
                   {description_.models, layout.m, layout.classes});
}

fs::path EnsembleStore::weights_path(int64_t row) const {
  return folder_ / "weights" / fmt::format("{:05}.safetensors", row);
}

Model EnsembleStore::model(int64_t row) const {
  if (row < 0 || row >= description_.models)
    fail<InputError>("{}: a model from 0 to {} required, got {}", folder_.string(),
                     description_.models - 1, row);
  if (!description_.weights)
    fail<InputError>("{}: the weights of model {} required, but this ensemble keeps no weights",
                     folder_.string(), row);
  const auto path = weights_path(row);
  std::error_code none;
  if (!fs::exists(path, none))
    fail<InputError>("{}: the weights of model {} required, not there", path.string(), row);
  return read_model(path);
}

}  // namespace expunge
