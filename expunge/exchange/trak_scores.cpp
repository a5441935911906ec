#include "expunge/exchange/trak_scores.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/printable.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The object in a file; an empty one where there is no such file.
Json object_in(const fs::path& path) {
  if (!fs::exists(path)) return Json::object();
  auto json = Json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    fail<InputError>("{}: a JSON object required, this is none", path.string());
  return json;
}

void require_size(const fs::path& path, const Json& object, const char* key, int64_t got,
                  const fs::path& scores) {
  const auto said = object.find(key);
  if (said == object.end()) return;
  const auto shown = said->is_array()    ? "[...]"
                     : said->is_object() ? "{...}"
                                         : printable(said->dump());
  if (said->is_number_integer() && said->get<int64_t>() == got) return;
  fail<InputError>("{}: {} {} required, as {} says, got {}", scores.string(), shown, key,
                   path.string(), got);
}

fs::path scores_path(const fs::path& save_dir, const std::string& experiment) {
  return save_dir / "scores" / (experiment + ".mmap");
}

std::string experiment_names(const Json& experiments) {
  std::vector<std::string> names;
  for (const auto& [name, value] : experiments.items()) names.push_back(printable(name));
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

// The scores' file, checked to be there and to be what the folder's records say of it.
fs::path find_scores(const fs::path& source, const std::string& experiment) {
  if (!fs::is_directory(source)) return source;
  const auto experiments = object_in(source / "experiments.json");
  const auto path = scores_path(source, experiment);
  if (experiment.empty() || !fs::exists(path)) {
    fail<InputError>("{}: the name of one of its experiments required ({}), got \"{}\"",
                     source.string(), experiment_names(experiments), experiment);
  }
  return path;
}

}  // namespace

TrakFound import_trak_scores(const fs::path& source, const std::string& experiment,
                             const fs::path& out) {
  const auto path = find_scores(source, experiment);
  const auto scores = map_npy(path);
  const auto dtype = scores.scalar_type();
  if (scores.dim() != 2 || (dtype != torch::kFloat16 && dtype != torch::kFloat32) ||
      scores.numel() == 0) {
    fail<InputError>(
        "{}: scores (training examples, targets) float16 or float32 required, got ({}) of {}",
        path.string(), fmt::join(scores.sizes(), ", "), toString(dtype));
  }
  TrakFound found;
  found.n = scores.size(0);
  found.targets = scores.size(1);
  found.dtype = dtype == torch::kFloat16 ? "float16" : "float32";
  if (fs::is_directory(source)) {
    const auto records = source / "experiments.json";
    const auto experiments = object_in(records);
    if (const auto record = experiments.find(experiment);
        record != experiments.end() && record->is_object())
      require_size(records, *record, "num_targets", found.targets, path);
    const auto metadata = source / "metadata.json";
    require_size(metadata, object_in(metadata), "train set size", found.n, path);
  }
  auto scored = torch::zeros({found.targets}, torch::kBool);
  NpyWriter writer(out, torch::kFloat32, {found.n, found.targets});
  for (int64_t i = 0; i < found.n; ++i) {
    const auto row = scores[i].to(torch::kFloat32);
    const auto finite = torch::isfinite(row);
    if (!finite.all().item<bool>()) {
      fail<NonFiniteError>(
          "{}: finite scores required, got NaN or infinity (example {}, target {})", path.string(),
          i, finite.logical_not().nonzero()[0][0].item<int64_t>());
    }
    scored.logical_or_(row != 0);
    writer.append(row.unsqueeze(0));
  }
  found.empty_targets = found.targets - scored.sum().item<int64_t>();
  if (found.empty_targets == found.targets)
    fail<InputError>("{}: scores required, got zeros alone: not finalised", path.string());
  writer.finish();
  return found;
}

void export_trak_scores(const torch::Tensor& scores, const fs::path& save_dir,
                        const std::string& experiment) {
  if (scores.dim() != 2 || scores.scalar_type() != torch::kFloat32 || scores.numel() == 0)
    fail<InputError>("scores (training examples, targets) float32 required, got ({}) of {}",
                     fmt::join(scores.sizes(), ", "), toString(scores.scalar_type()));
  if (experiment.empty() || experiment.find('/') != std::string::npos)
    fail<OptionError>("option name: an experiment's name without / required, got \"{}\"",
                      experiment);
  const auto records = save_dir / "experiments.json";
  auto experiments = object_in(records);
  const auto path = scores_path(save_dir, experiment);
  if (experiments.contains(experiment) || fs::exists(path))
    fail<InputError>("{}: an experiment that is not there yet required, got {}", save_dir.string(),
                     experiment);
  fs::create_directories(path.parent_path());
  write_npy(path, scores);
  experiments[experiment] = {{"num_targets", scores.size(1)},
                             {"scores_path", fs::absolute(path).lexically_normal().string()},
                             {"scores_finalized", 1}};
  write_file_atomically(records, experiments.dump(2) + "\n");
}

}  // namespace expunge
