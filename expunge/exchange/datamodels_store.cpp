#include "expunge/exchange/datamodels_store.h"

#include <ATen/ops/cat.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/evaluate/margins.h"
#include "expunge/train/ensemble_store.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

std::string shape_of(const torch::Tensor& array) {
  return fmt::format("({}) of {}", fmt::join(array.sizes(), ", "), toString(array.scalar_type()));
}

// The arrays, mapped and checked against each other.
struct Arrays {
  torch::Tensor masks;                        // (N, n) bool
  std::vector<torch::Tensor> outputs;         // (N, m_i) or (N, m_i, C)
  std::vector<int64_t> rows;                  // the completed ones
  torch::ScalarType dtype = torch::kFloat32;  // of the store
  int64_t points = 0;
  [[nodiscard]] bool has_classes() const { return outputs[0].dim() == 3; }
  [[nodiscard]] int64_t classes() const { return has_classes() ? outputs[0].size(2) : 1; }
};

torch::Tensor mapped_masks(const fs::path& path) {
  auto masks = map_npy(path);
  if (masks.dim() != 2 || masks.scalar_type() != torch::kBool || masks.numel() == 0)
    fail<InputError>("{}: masks (models, training examples) of Bool required, got {}",
                     path.string(), shape_of(masks));
  return masks;
}

void add_outputs(Arrays& arrays, const fs::path& path) {
  const auto outputs = map_npy(path);
  const bool first = arrays.outputs.empty();
  const bool fits = (outputs.dim() == 2 || outputs.dim() == 3) && outputs.is_floating_point() &&
                    outputs.size(0) == arrays.masks.size(0) && outputs.numel() > 0;
  if (!fits) {
    fail<InputError>("{}: floats ({}, points) or ({}, points, classes) required, got {}",
                     path.string(), arrays.masks.size(0), arrays.masks.size(0), shape_of(outputs));
  }
  if (!first && (outputs.dim() != arrays.outputs[0].dim() ||
                 outputs.scalar_type() != arrays.outputs[0].scalar_type() ||
                 (outputs.dim() == 3 && outputs.size(2) != arrays.classes()))) {
    fail<InputError>(
        "{}: the number of classes and dtype of the array before it required, {}, got {}",
        path.string(), shape_of(arrays.outputs[0]), shape_of(outputs));
  }
  arrays.outputs.push_back(outputs);
  arrays.points += outputs.size(1);
}

Arrays open_arrays(const DatamodelsSource& source) {
  Arrays arrays;
  arrays.masks = mapped_masks(source.masks);
  if (source.outputs.empty()) fail<InputError>("outputs: at least one array required, got none");
  for (const auto& path : source.outputs) add_outputs(arrays, path);
  arrays.dtype =
      arrays.outputs[0].scalar_type() == torch::kFloat16 ? torch::kFloat16 : torch::kFloat32;
  const int64_t rows = arrays.masks.size(0);
  auto completed = torch::ones({rows}, torch::kBool);
  if (!source.completed.empty()) completed = map_npy(source.completed);
  if (completed.dim() != 1 || completed.scalar_type() != torch::kBool || completed.size(0) != rows)
    fail<InputError>("{}: ({}) of Bool required, got {}", source.completed.string(), rows,
                     shape_of(completed));
  for (int64_t row = 0; row < rows; ++row) {
    if (completed[row].item<bool>()) arrays.rows.push_back(row);
  }
  if (arrays.rows.empty())
    fail<InputError>("{}: at least one completed row required, got none of {}",
                     source.completed.string(), rows);
  return arrays;
}

// Outputs (m, C) of one row, all points.
torch::Tensor outputs_of(const Arrays& arrays, const DatamodelsSource& source, int64_t row) {
  std::vector<torch::Tensor> parts;
  for (size_t i = 0; i < arrays.outputs.size(); ++i) {
    auto part = arrays.outputs[i][row].to(arrays.dtype);
    const auto finite = torch::isfinite(part);
    if (!finite.all().item<bool>()) {
      const auto at = torch::logical_not(finite).nonzero()[0][0].item<int64_t>();
      fail<NonFiniteError>("{}: finite outputs required, got NaN or infinity (row {}, point {})",
                           source.outputs[i].string(), row, at);
    }
    parts.push_back(part.view({part.size(0), arrays.classes()}));
  }
  return at::cat(parts);
}

}  // namespace

DatamodelsSource datamodels_source(const fs::path& folder) {
  DatamodelsSource source;
  source.masks = folder / "masks.npy";
  if (!fs::exists(source.masks))
    fail<InputError>("{}: a store with masks.npy required, not there", folder.string());
  for (const char* name : {"logits.npy", "margins.npy"}) {
    if (source.outputs.empty() && fs::exists(folder / name)) source.outputs = {folder / name};
  }
  if (source.outputs.empty())
    fail<InputError>("{}: logits.npy or margins.npy required, neither is there", folder.string());
  if (fs::exists(folder / "_completed.npy")) source.completed = folder / "_completed.npy";
  return source;
}

DatamodelsFound import_datamodels(const DatamodelsSource& source, const fs::path& folder) {
  const auto arrays = open_arrays(source);
  DatamodelsFound found;
  found.rows = arrays.masks.size(0);
  found.models = static_cast<int64_t>(arrays.rows.size());
  found.n = arrays.masks.size(1);
  found.m = arrays.points;
  found.classes = arrays.has_classes() ? arrays.classes() : 0;
  found.dtype = arrays.dtype == torch::kFloat16 ? "float16" : "float32";
  found.lowest = std::numeric_limits<double>::infinity();
  found.highest = -found.lowest;

  EnsembleDescription description;
  description.name = "imported";
  description.models = found.models;
  description.layout = {
      .n = found.n, .m = found.m, .classes = arrays.classes(), .logits_dtype = arrays.dtype};
  description.settings["imported_as"] = "\"datamodels store\"";
  description.settings["outputs"] = arrays.has_classes() ? "\"logits\"" : "\"margins\"";
  auto seen = torch::zeros({found.n}, torch::kInt64);
  fs::create_directories(folder);
  std::unique_ptr<NpyWriter> margins;
  if (!arrays.has_classes()) {
    margins = std::make_unique<NpyWriter>(folder / "margins.npy", torch::kFloat32,
                                          std::vector<int64_t>{found.models, found.m});
  }
  EnsembleStore::write(folder, description, [&](int64_t i) {
    const int64_t row = arrays.rows[static_cast<size_t>(i)];
    ShardRow out{.row = i, .mask = arrays.masks[row], .logits = outputs_of(arrays, source, row)};
    seen += out.mask;
    found.lowest = std::min(found.lowest, out.logits.min().item<double>());
    found.highest = std::max(found.highest, out.logits.max().item<double>());
    if (margins) margins->append(out.logits.view({1, found.m}).to(torch::kFloat32));
    return out;
  });
  if (margins) margins->finish();
  found.alpha = seen.sum().item<double>() / static_cast<double>(found.models * found.n);
  found.never_left_out = (seen == found.models).sum().item<int64_t>();
  found.always_left_out = (seen == 0).sum().item<int64_t>();
  return found;
}

void export_datamodels(const torch::Tensor& masks, const torch::Tensor& logits,
                       const torch::Tensor& labels, const fs::path& folder) {
  if (masks.dim() != 2 || masks.scalar_type() != torch::kBool || logits.dim() != 3 ||
      logits.size(0) != masks.size(0) || !logits.is_floating_point()) {
    fail<InputError>("masks (N, n) of Bool and logits (N, m, C) of floats required, got {} and {}",
                     shape_of(masks), shape_of(logits));
  }
  const int64_t models = masks.size(0);
  const auto declared = [](const torch::Tensor& array, const std::string& dtype) {
    return nlohmann::ordered_json{{"shape", array.sizes().slice(1).vec()}, {"dtype", dtype}};
  };
  const std::string dtype = logits.scalar_type() == torch::kFloat16 ? "float16" : "float32";
  nlohmann::ordered_json schema = {{"masks", declared(masks, "bool_")},
                                   {"logits", declared(logits, dtype)}};
  torch::Tensor label_margins;
  if (labels.defined()) {
    label_margins = margins(logits, labels).to(logits.scalar_type());
    schema["margins"] = declared(label_margins, dtype);
  }
  fs::create_directories(folder);
  write_npy(folder / "masks.npy", masks);
  write_npy(folder / "logits.npy", logits);
  if (labels.defined()) write_npy(folder / "margins.npy", label_margins);
  const nlohmann::ordered_json spec = {{"num_models", models}, {"schema", schema}};
  write_file_atomically(folder / "spec.json", spec.dump(2) + "\n");
  write_npy(folder / "_completed.npy", torch::ones({models}, torch::kBool));
}

}  // namespace expunge
