#include "expunge/train/model_file.h"

#include "expunge/core/error.h"
#include "expunge/core/safetensors.h"
#include "expunge/core/toml_file.h"

namespace expunge {
namespace {

constexpr std::string_view recipe_prefix = "expunge.recipe.";

// The value of one metadata entry, which is written as TOML.
OptionValue value_of(const Metadata& metadata, const std::string& name, const std::string& where) {
  const auto found = metadata.find(name);
  if (found == metadata.end())
    fail<InputError>("{}: metadata \"{}\" required, not there", where, name);
  return parse_toml("value = " + found->second, where + ", metadata " + name)
      .at(0)
      .entries.at(0)
      .value;
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

}  // namespace

Metadata model_metadata(const Recipe& recipe, const Problem& problem) {
  Recipe copy = recipe;
  Metadata metadata = settings_of(options_of(copy), std::string(recipe_prefix));
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
  write_safetensors(path, network.state(), metadata);
}

Model read_model(const std::filesystem::path& path) {
  const auto where = path.string();
  auto file = read_safetensors(path);
  Model model;
  auto group = options_of(model.recipe);
  for (const auto& field : group.fields()) {
    group.set(field.name, value_of(file.metadata, std::string(recipe_prefix) + field.name, where));
  }
  model.recipe.validate();
  const auto input = typed<std::vector<int64_t>>(file.metadata, "expunge.input", where);
  if (input.size() != 3)
    fail<InputError>("{}: metadata \"expunge.input\": 3 sizes required, got {}", where,
                     input.size());
  for (const int64_t size : input) {
    if (size <= 0 || size > 1 << 20)
      fail<InputError>("{}: an input of size {} cannot be", where, size);
  }
  model.shape = {input[0], input[1], input[2],
                 typed<int64_t>(file.metadata, "expunge.classes", where)};
  model.normalisation = {floats_of(file.metadata, "expunge.mean", where),
                         floats_of(file.metadata, "expunge.stddev", where)};
  model.network = make_network(model.recipe.network, model.shape);
  load_state(*model.network, file.tensors, where);
  model.metadata = std::move(file.metadata);
  return model;
}

}  // namespace expunge
