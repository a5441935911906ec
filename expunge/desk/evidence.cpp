#include "expunge/desk/evidence.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>

#include "expunge/core/error.h"
#include "expunge/core/noted_checksum.h"
#include "expunge/core/npy.h"
#include "expunge/data/forget_set.h"
#include "expunge/data/npy_pair.h"
#include "expunge/evaluate/klom_forecast.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/held_out_margins.h"
#include "expunge/pipeline/network_kernel.h"

namespace expunge::desk {
namespace {

namespace fs = std::filesystem;

// Arrays that have a row for each example, and the dimension of these rows.
struct ErasedArray {
  const char* file;
  int64_t dim;
};
constexpr std::array<ErasedArray, 6> kErasedArrays = {{{"data/train_images.npy", 0},
                                                       {"data/train_labels.npy", 0},
                                                       {"evidence/subset_logits.npy", 1},
                                                       {"evidence/full_logits.npy", 1},
                                                       {"evidence/held_out.npy", 1},
                                                       {"evidence/original_logits.npy", 0}}};

torch::Tensor index_tensor(std::span<const int64_t> indices) {
  return torch::tensor(std::vector<int64_t>(indices.begin(), indices.end()), torch::kInt64);
}

void write_data(const DataSplit& data, const fs::path& folder) {
  fs::create_directories(folder);
  write_noted_npy(folder / "train_images.npy", data.train.images);
  write_noted_npy(folder / "train_labels.npy", data.train.labels);
  write_noted_npy(folder / "val_images.npy", data.validation.images);
  write_noted_npy(folder / "val_labels.npy", data.validation.labels);
  std::string names;
  for (const auto& name : data.train.class_names) names += name + "\n";
  write_file_atomically(folder / "class_names.txt", names);
}

// An array that may be larger than memory, row by row of its first dimension.
void copy_rows(const torch::Tensor& from, const fs::path& to, const torch::Tensor& blank = {}) {
  NpyWriter writer(to, from.scalar_type(), from.sizes().vec());
  for (int64_t i = 0; i < from.size(0); ++i) {
    auto row = from.narrow(0, i, 1).contiguous();
    if (blank.defined()) row = row.clone().index_fill_(1, blank, 0);
    writer.append(row);
  }
  write_noted(to, [&] { writer.finish(); });
}

torch::Tensor checked(const fs::path& path, const std::vector<int64_t>& shape,
                      std::initializer_list<torch::ScalarType> dtypes) {
  if (!fs::exists(path)) {
    fail<InputError>("{}: what removals are predicted from required, not there", path.string());
  }
  auto array = map_npy(path);
  bool fits = array.dim() == static_cast<int64_t>(shape.size()) &&
              std::find(dtypes.begin(), dtypes.end(), array.scalar_type()) != dtypes.end();
  for (size_t d = 0; fits && d < shape.size(); ++d)
    fits = shape[d] < 0 || array.size(static_cast<int64_t>(d)) == shape[d];
  if (!fits) {
    fail<InputError>("{}: an array ({}) required (-1: any), got ({}) of {}", path.string(),
                     fmt::join(shape, ", "), fmt::join(array.sizes(), ", "),
                     toString(array.scalar_type()));
  }
  require_noted(path);
  return array;
}

}  // namespace

int64_t forecast_folds(const Evidence& evidence) {
  return std::min<int64_t>(5, evidence.masks.size(0) / 2);
}

FittedEvidence fit_evidence(const Experiment& experiment, int64_t model) {
  const auto& attribution = experiment.config().attribution;
  if (attribution.estimator != Estimator::automatic && attribution.estimator != Estimator::ridge &&
      attribution.estimator != Estimator::carried)
    fail<OptionError>("option estimator: auto, ridge or carried required for a desk, got another");
  const auto subset = experiment.open_store("subset", "train");
  const auto full = experiment.open_store("full", "train");
  if (model >= full.description().models) {
    fail<OptionError>("option model: 0 to {} required, got {}", full.description().models - 1,
                      model);
  }
  Evidence evidence;
  evidence.masks = subset.masks().contiguous();
  evidence.subset_logits = subset.logits();
  evidence.full_logits = full.logits();
  const auto& labels = experiment.problem().labels;
  ForecastModels models;
  models.masks = evidence.masks;
  models.margins = margins(evidence.subset_logits, labels, experiment.workers());
  models.full_margins = margins(evidence.full_logits, labels, experiment.workers());
  models.labels = labels.contiguous();
  models.folds = forecast_folds(evidence);
  models.held_out = models.margins;
  check_forecast_models(models);  // before the kernel, which takes long
  auto carried = carried_effects_for(experiment, attribution.estimator);
  evidence.held_out = held_out_margins(evidence.masks, evidence.subset_logits, evidence.full_logits,
                                       labels, attribution, carried ? &*carried : nullptr,
                                       models.folds, experiment.workers());
  const auto original = full.model(model);
  const auto dtype = original.network->parameters().scalar_type();
  evidence.original_logits =
      evaluate_logits(*original.network, experiment.problem().inputs.to(dtype)).to(torch::kFloat32);
  auto ridge = attribution.ridge;
  ridge.workers = experiment.workers();
  auto datamodels = SubsetDatamodels::fit(evidence.masks, evidence.subset_logits, ridge);
  return {evidence, {std::move(datamodels), std::move(carried)}};
}

void write_evidence(const Experiment& experiment, const FittedEvidence& fitted,
                    const DeskFolder& folder) {
  const auto to = folder.evidence();
  fs::create_directories(to);
  write_data(experiment.data(), folder.data());
  const auto& evidence = fitted.evidence;
  write_noted_npy(to / "masks.npy", evidence.masks);
  copy_rows(evidence.subset_logits, to / "subset_logits.npy");
  copy_rows(evidence.full_logits, to / "full_logits.npy");
  write_noted_npy(to / "held_out.npy", evidence.held_out);
  write_noted_npy(to / "original_logits.npy", evidence.original_logits);
  if (fitted.attributor.carried) write_noted_npy(to / "kernel.npy", network_kernel(experiment));
  fitted.attributor.datamodels.save(to / "factors");
}

Evidence read_evidence(const DeskFolder& folder) {
  const auto at = folder.evidence();
  Evidence evidence;
  evidence.masks = checked(at / "masks.npy", {-1, -1}, {torch::kBool});
  const int64_t models = evidence.masks.size(0);
  const auto logits = {torch::kFloat32, torch::kFloat16};
  evidence.subset_logits = checked(at / "subset_logits.npy", {models, -1, -1}, logits);
  const int64_t m = evidence.subset_logits.size(1);
  const int64_t classes = evidence.subset_logits.size(2);
  evidence.full_logits = checked(at / "full_logits.npy", {-1, m, classes}, logits);
  evidence.held_out = checked(at / "held_out.npy", {models, m}, {torch::kFloat32});
  evidence.original_logits = checked(at / "original_logits.npy", {m, classes}, {torch::kFloat32});
  return evidence;
}

torch::Tensor FrozenAttributor::shift(std::span<const int64_t> removal) const {
  const std::vector<int64_t> set(removal.begin(), removal.end());
  auto shift = datamodels.removal_shifts(std::span(&set, 1))[0];
  if (carried) shift = shift + carried->shift(set, datamodels.own_effects());
  return shift;
}

FrozenAttributor read_attributor(const DeskFolder& folder, const Evidence& evidence,
                                 AttributionOptions options, int64_t workers) {
  options.ridge.workers = workers;
  const auto at = folder.evidence();
  std::optional<CarriedEffects> carried;
  if (options.estimator == Estimator::carried) {
    carried = CarriedEffects::fit(checked(at / "kernel.npy",
                                          {evidence.subset_logits.size(1), evidence.masks.size(1)},
                                          {torch::kFloat32}));
  }
  return {SubsetDatamodels::load(at / "factors", evidence.masks, evidence.subset_logits,
                                 options.ridge, /*overwritten=*/true),
          std::move(carried)};
}

std::vector<int64_t> LiveProblem::places(std::span<const int64_t> examples) const {
  const auto end = points.begin() + problem.n();
  std::vector<int64_t> found;
  for (const int64_t example : examples) {
    const auto at = std::lower_bound(points.begin(), end, example);
    if (at == end || *at != example)
      fail<InputError>("example {}: one that is there required, it is removed or was never",
                       example);
    found.push_back(at - points.begin());
  }
  return found;
}

torch::Tensor LiveProblem::rows_of(const torch::Tensor& array, int64_t dim) const {
  const int64_t m = points.back() + 1;
  const bool all = array.size(dim) == m;
  const auto end = all ? points.end() : points.begin() + problem.n();
  return array.index_select(dim, index_tensor(std::span(points.begin(), end))).contiguous();
}

LiveProblem live_problem(const DataSplit& data, const Normalisation& normalisation,
                         std::span<const int64_t> removed) {
  const int64_t n = data.train.size();
  LiveProblem live;
  if (removed.empty()) {
    for (int64_t i = 0; i < n; ++i) live.points.push_back(i);
  } else {
    live.points = retain_indices(removed, n);
  }
  const auto kept = index_tensor(live.points);
  Dataset train = data.train;
  train.images = data.train.images.index_select(0, kept).contiguous();
  train.labels = data.train.labels.index_select(0, kept).contiguous();
  for (int64_t i = 0; i < data.validation.size(); ++i) live.points.push_back(n + i);
  auto& problem = live.problem;
  problem.normalisation = normalisation;
  problem.inputs = normalised({train, data.validation}, normalisation);
  problem.labels = at::cat({train.labels, data.validation.labels}).contiguous();
  const int64_t count = train.size();
  problem.training = {problem.inputs.narrow(0, 0, count), problem.labels.narrow(0, 0, count)};
  problem.shape = {problem.inputs.size(1), problem.inputs.size(2), problem.inputs.size(3),
                   data.train.classes()};
  return live;
}

void erase_examples(const DeskFolder& folder, std::span<const int64_t> examples) {
  const auto rows = index_tensor(examples);
  for (const auto& [file, dim] : kErasedArrays) {
    const auto path = folder.path() / file;
    if (!fs::exists(path)) continue;  // erased as a whole before
    if (dim == 1) {
      copy_rows(map_npy(path), path, rows);
    } else {
      write_noted_npy(path, read_npy(path).index_fill_(0, rows, 0));
    }
  }
}

std::optional<int64_t> find_unerased(const DeskFolder& folder, std::span<const int64_t> examples) {
  for (const auto& [file, dim] : kErasedArrays) {
    const auto path = folder.path() / file;
    if (!fs::exists(path)) continue;
    const auto array = map_npy(path);
    if (array.dim() <= dim)
      fail<InputError>("{}: an array of more dimensions required", path.string());
    for (const int64_t example : examples) {
      if (example < 0 || example >= array.size(dim))
        fail<InputError>("{}: a row of example {} required, not there", path.string(), example);
      if (array.select(dim, example).ne(0).any().item<bool>()) return example;
    }
  }
  return std::nullopt;
}

}  // namespace expunge::desk
