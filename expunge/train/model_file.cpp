#include "expunge/train/model_file.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "expunge/core/crc32.h"
#include "expunge/core/error.h"
#include "expunge/core/safetensors.h"
#include "expunge/core/toml_file.h"

namespace expunge {
namespace {

constexpr std::string_view recipe_prefix = "expunge.recipe.";
constexpr const char* checksum_key = "expunge.crc32";
constexpr int64_t largest_size = 1 << 20;  // channels or pixels

// Of the tensors' bytes in their order, then of the other metadata in theirs. Names, shapes and dtypes are
// those of the network that the metadata describe.
std::string checksum_text_of(const NamedTensors& tensors, const Metadata& metadata) {
  uint32_t crc = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto bytes = tensor.cpu().contiguous();
    crc = crc32_of(bytes.data_ptr(), bytes.nbytes(), crc);
  }
  for (const auto& [name, text] : metadata) {
    if (name == checksum_key) continue;
    const auto line = fmt::format("{}={}\n", name, text);
    crc = crc32_of(line.data(), line.size(), crc);
  }
  return fmt::format("{:08x}", crc);
}

// False where the metadata have no checksum.
bool require_checksum(const SafetensorsFile& file, const std::string& where) {
  const auto found = file.metadata.find(checksum_key);
  if (found == file.metadata.end()) return false;
  const auto there = checksum_text_of(file.tensors, file.metadata);
  if (found->second == there) return true;
  fail<InputError>(
      "{}: tensors and metadata of checksum {} required, as \"{}\" says, got {}: damaged or "
      "changed since",
      where, found->second, checksum_key, there);
}

// The value of one metadata entry, which is written as TOML.
OptionValue value_of(const Metadata& metadata, const std::string& name, const std::string& where) {
  const auto found = metadata.find(name);
  if (found == metadata.end())
    fail<InputError>("{}: metadata \"{}\" required, not there", where, name);
  std::vector<TomlTable> tables;
  try {
    tables = parse_toml("value = " + found->second, where + ": metadata " + name);
  } catch (const OptionError& error) {
    fail<InputError>("{}", error.what());
  }
  if (tables.size() != 1 || !tables[0].name.empty() || tables[0].entries.size() != 1)
    fail<InputError>("{}: metadata \"{}\": one TOML value required, got more", where, name);
  return tables[0].entries[0].value;
}

template <class T>
T typed(const Metadata& metadata, const std::string& name, const std::string& where) {
  const auto value = value_of(metadata, name, where);
  if (const T* typed_value = std::get_if<T>(&value)) return *typed_value;
  fail<InputError>("{}: metadata \"{}\" is of another type: {}", where, name, to_toml(value));
}

std::vector<float> floats_of(const Metadata& metadata, const std::string& name,
                             const std::string& where) {
  const auto values = typed<std::vector<double>>(metadata, name, where);
  return {values.begin(), values.end()};
}

std::string text_of(const std::vector<float>& values) {
  return to_toml(std::vector<double>(values.begin(), values.end()));
}

// The recipe as the metadata have it: every option, and no other.
Recipe recipe_of(const Metadata& metadata, const std::string& where) {
  Recipe recipe;
  auto group = options_of(recipe);
  for (const auto& [name, text] : metadata) {
    if (name.compare(0, recipe_prefix.size(), recipe_prefix) == 0)
      group.set(name.substr(recipe_prefix.size()), value_of(metadata, name, where));
  }
  const auto counted = settings_of(recipe, "");
  for (const auto& field : group.fields()) {
    if (counted.count(field.name) > 0)
      value_of(metadata, std::string(recipe_prefix) + field.name, where);
  }
  recipe.validate();
  return recipe;
}

NetworkShape shape_of(const Metadata& metadata, const std::string& where) {
  const auto input = typed<std::vector<int64_t>>(metadata, "expunge.input", where);
  const bool is_image = input.size() == 3 && std::all_of(input.begin(), input.end(), [](int64_t s) {
                          return s > 0 && s <= largest_size;
                        });
  if (!is_image) {
    fail<InputError>(
        "{}: metadata \"expunge.input\": channels, height and width from 1 to {} required, got {}",
        where, largest_size, to_toml(input));
  }
  return {input[0], input[1], input[2], typed<int64_t>(metadata, "expunge.classes", where)};
}

Normalisation normalisation_of(const Metadata& metadata, int64_t channels,
                               const std::string& where) {
  const Normalisation normalisation{floats_of(metadata, "expunge.mean", where),
                                    floats_of(metadata, "expunge.stddev", where)};
  const auto check = [&](const std::vector<float>& values, const char* name, auto&& is_sound,
                         const char* required) {
    if (static_cast<int64_t>(values.size()) != channels ||
        !std::all_of(values.begin(), values.end(), is_sound)) {
      fail<InputError>("{}: metadata \"{}\": {} {} required, got {}", where, name, channels,
                       required, text_of(values));
    }
  };
  check(
      normalisation.mean, "expunge.mean", [](float v) { return std::isfinite(v); },
      "finite numbers");
  check(
      normalisation.stddev, "expunge.stddev", [](float v) { return std::isfinite(v) && v > 0; },
      "finite numbers above 0");
  return normalisation;
}

void check_finite(const NamedTensors& state, const std::string& where) {
  for (const auto& [name, value] : state) {
    if (!torch::isfinite(value).all().item<bool>())
      fail<NonFiniteError>("{}: tensor \"{}\" has a value that is not finite", where, name);
  }
}

}  // namespace

Metadata model_metadata(const Recipe& recipe, const Problem& problem) {
  Metadata metadata = settings_of(recipe, std::string(recipe_prefix));
  metadata["format"] = "pt";
  metadata["expunge.input"] = to_toml(
      std::vector<int64_t>{problem.shape.channels, problem.shape.height, problem.shape.width});
  metadata["expunge.classes"] = to_toml(problem.shape.classes);
  metadata["expunge.mean"] = text_of(problem.normalisation.mean);
  metadata["expunge.stddev"] = text_of(problem.normalisation.stddev);
  return metadata;
}

void write_model(const std::filesystem::path& path, const Network& network,
                 const Metadata& metadata) {
  const auto state = network.state();
  check_finite(state, path.string());
  auto with_checksum = metadata;
  with_checksum[checksum_key] = checksum_text_of(state, metadata);
  write_safetensors(path, state, with_checksum);
}

bool check_model_file(const std::filesystem::path& path) {
  return require_checksum(read_safetensors(path), path.string());
}

Model read_model(const std::filesystem::path& path) {
  const auto where = path.string();
  auto file = read_safetensors(path);
  Model model;
  try {
    model.recipe = recipe_of(file.metadata, where);
  } catch (const OptionError& error) {
    fail<InputError>("{}: metadata: {}", where, error.what());
  }
  model.shape = shape_of(file.metadata, where);
  model.normalisation = normalisation_of(file.metadata, model.shape.channels, where);
  NamedShapes required;
  try {
    required = state_shapes(model.recipe.network, model.shape);
  } catch (const InputError& error) {
    fail<InputError>("{}: metadata: {}", where, error.what());
  }
  // Before the network takes memory: sizes in the metadata may be anything.
  check_state(required, file.tensors, where);
  model.network = make_any_network(model.recipe.network, model.shape);
  load_state(*model.network, file.tensors, where);
  check_finite(model.network->state(), where);
  require_checksum(file, where);
  model.metadata = std::move(file.metadata);
  model.metadata.erase(checksum_key);
  return model;
}

void require_same_data(const Model& model, const Problem& problem, const std::string& where) {
  const auto text = [](const NetworkShape& s) {
    return fmt::format("{} x {} x {} inputs and {} classes", s.channels, s.height, s.width,
                       s.classes);
  };
  if (text(model.shape) != text(problem.shape)) {
    fail<InputError>("{}: a model of {} as in the data required, got {}", where,
                     text(problem.shape), text(model.shape));
  }
  const auto& ours = problem.normalisation;
  const auto& theirs = model.normalisation;
  if (ours.mean != theirs.mean || ours.stddev != theirs.stddev) {
    fail<InputError>(
        "{}: a model of inputs normalised by mean {} and deviation {} required, got {} and {}: it "
        "was trained on other data",
        where, fmt::join(ours.mean, ", "), fmt::join(ours.stddev, ", "),
        fmt::join(theirs.mean, ", "), fmt::join(theirs.stddev, ", "));
  }
}

}  // namespace expunge
