// A model in a file that loads again: safetensors with its recipe in the metadata.
//
// Tensor names are those of the layers ("1.weight", "1.bias", ...), as PyTorch's state_dict of the
// same torch.nn.Sequential has them, or those of a TorchScript network's own module, whose .pt file must then be
// where the recipe says. Metadata (all text):
//   format               "pt"
//   expunge.recipe.*     every option of the recipe, as TOML text
//   expunge.input        [channels, height, width]
//   expunge.classes      number of classes
//   expunge.mean, .stddev  normalisation of the inputs, by channel
//   anything else        notes of whoever wrote the model, such as what was unlearned and at what
//   cost
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "expunge/train/networks.h"
#include "expunge/train/problem.h"
#include "expunge/train/recipe.h"

namespace expunge {

using Metadata = std::map<std::string, std::string>;

struct Model {
  std::unique_ptr<Network> network;
  Recipe recipe;
  NetworkShape shape;
  Normalisation normalisation;
  Metadata metadata;  // all of it
};

/// The metadata of a model that is trained by `recipe` on `problem`.
Metadata model_metadata(const Recipe& recipe, const Problem& problem);

/// Writes the file as a whole or not at all. NonFiniteError names a tensor that is not finite. Adds the metadata
/// "expunge.crc32": CRC-32 of the tensors' bytes in their order, then of a line "KEY=TEXT" for each of the other
/// metadata, by key.
void write_model(const std::filesystem::path& path, const Network& network,
                 const Metadata& metadata);

/// InputError names what is missing, unknown, not finite or does not fit, the checksum too where there is one. The
/// model's metadata are without it.
Model read_model(const std::filesystem::path& path);

/// The checksum alone, whatever network it is: false where the file has none, InputError where it is another's.
bool check_model_file(const std::filesystem::path& path);

/// InputError, beginning with `where`, unless the model takes what the problem gives: inputs of
/// the same size and normalisation, and as many classes. A model of other data would be shown
/// inputs that it was not trained on, and might not even notice.
void require_same_data(const Model& model, const Problem& problem, const std::string& where);

}  // namespace expunge
