#include "expunge/exchange/easydub_tree.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/data/forget_set.h"
#include "expunge/evaluate/margins.h"
#include "expunge/train/ensemble_store.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

// Where a tree keeps what.
class Tree {
 public:
  Tree(fs::path root, std::string kind, const EasydubOptions& options)
      : root_(std::move(root)), kind_(std::move(kind)), options_(options) {}

  [[nodiscard]] std::string set() const { return fmt::format("forget_{}", options_.forget_set); }
  // part: "pretrain/val", "oracle/forget_1/retain"
  [[nodiscard]] fs::path folder(const std::string& part) const {
    return root_ / kind_ / options_.dataset / part / options_.network;
  }
  [[nodiscard]] fs::path file(const std::string& part, int64_t id) const {
    return folder(part) / fmt::format("id_{}_epoch_{}.npy", id, options_.epoch);
  }
  [[nodiscard]] fs::path forget_set() const {
    return root_ / "forget_sets" / options_.dataset /
           fmt::format("forget_set_{}.npy", options_.forget_set);
  }
  // Numbers of the models that a part has, in increasing order.
  [[nodiscard]] std::vector<int64_t> ids(const std::string& part) const {
    std::vector<int64_t> found;
    std::error_code error;
    const auto end = fmt::format("_epoch_{}.npy", options_.epoch);
    for (const auto& entry : fs::directory_iterator(folder(part), error)) {
      const auto name = entry.path().filename().string();
      if (!name.starts_with("id_") || !name.ends_with(end)) continue;
      int64_t id = 0;
      const auto* stop = name.data() + name.size() - end.size();
      const auto [at, failed] = std::from_chars(name.data() + 3, stop, id);
      if (failed == std::errc{} && at == stop && id >= 0) found.push_back(id);
    }
    if (found.empty())
      fail<InputError>("{}: files id_0_epoch_{}.npy and so on required, none there",
                       folder(part).string(), options_.epoch);
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  fs::path root_;
  std::string kind_;
  EasydubOptions options_;
};

std::vector<int64_t> forget_indices(const fs::path& path, int64_t n) {
  const auto array = read_npy(path);
  if (array.dim() != 1 || !c10::isIntegralType(array.scalar_type(), false))
    fail<InputError>("{}: whole numbers (points) required, got ({}) of {}", path.string(),
                     fmt::join(array.sizes(), ", "), toString(array.scalar_type()));
  const auto indices = array.to(torch::kInt64).contiguous();
  std::vector<int64_t> forget(indices.data_ptr<int64_t>(),
                              indices.data_ptr<int64_t>() + indices.numel());
  check_forget_set(forget, n, path.string());
  return forget;
}

// A tree's models as rows of all points, S then V.
class TreeReader {
 public:
  TreeReader(Tree tree, bool logits) : tree_(std::move(tree)), dimensions_(logits ? 2 : 1) {
    full_ids_ = tree_.ids("pretrain/retain");
    oracle_ids_ = tree_.ids("oracle/" + tree_.set() + "/retain");
    const auto training = read(tree_.file("pretrain/retain", full_ids_[0]), -1);
    const auto validation = read(tree_.file("pretrain/val", full_ids_[0]), -1);
    found_.n = training.size(0);
    found_.validation = validation.size(0);
    found_.classes = logits ? training.size(1) : 0;
    found_.pretrain_models = static_cast<int64_t>(full_ids_.size());
    found_.oracle_models = static_cast<int64_t>(oracle_ids_.size());
    forget_ = forget_indices(tree_.forget_set(), found_.n);
    found_.forget = static_cast<int64_t>(forget_.size());
    found_.largest_difference = std::numeric_limits<double>::quiet_NaN();
    const auto options = torch::TensorOptions().dtype(torch::kInt64);
    forgotten_ = torch::tensor(forget_, options);
    retained_ = torch::tensor(retain_indices(forget_, found_.n), options);
  }

  [[nodiscard]] const std::vector<int64_t>& forget() const { return forget_; }
  [[nodiscard]] const EasydubFound& found() const { return found_; }
  [[nodiscard]] int64_t m() const { return found_.n + found_.validation; }

  // (m) or (m, C) float32 of the i-th model.
  torch::Tensor full(int64_t i) {
    const int64_t id = full_ids_[static_cast<size_t>(i)];
    const auto training = read(tree_.file("pretrain/retain", id), found_.n);
    const auto part = tree_.file("pretrain/" + tree_.set(), id);
    if (fs::exists(part)) compare(read(part, found_.forget), training);
    return at::cat({training, read(tree_.file("pretrain/val", id), found_.validation)});
  }
  torch::Tensor oracle(int64_t i) {
    const int64_t id = oracle_ids_[static_cast<size_t>(i)];
    const auto part = [&](const char* name, int64_t points) {
      return read(tree_.file("oracle/" + tree_.set() + "/" + name, id), points);
    };
    const auto validation = part("val", found_.validation);
    auto shape = validation.sizes().vec();
    shape[0] = m();
    auto all = at::empty(shape, torch::kFloat32);
    all.index_copy_(0, retained_, part("retain", retained_.size(0)));
    all.index_copy_(0, forgotten_, part("forget", found_.forget));
    all.narrow(0, found_.n, found_.validation).copy_(validation);
    return all;
  }

 private:
  // A file as float32, of that many points (any number: -1) and the tree's number of classes.
  torch::Tensor read(const fs::path& path, int64_t points) {
    if (!fs::exists(path))
      fail<InputError>("{}: a file of every model required, not there", path.string());
    const auto array = map_npy(path);
    const bool fits = array.dim() == dimensions_ && array.is_floating_point() &&
                      array.numel() > 0 && (points < 0 || array.size(0) == points) &&
                      (dimensions_ == 1 || found_.classes == 0 || array.size(1) == found_.classes);
    if (!fits) {
      const auto count = points < 0 ? std::string("points") : fmt::format("{}", points);
      fail<InputError>("{}: floats ({}{}) required, got ({}) of {}", path.string(), count,
                       dimensions_ == 1      ? ""
                       : found_.classes == 0 ? ", classes"
                                             : fmt::format(", {}", found_.classes),
                       fmt::join(array.sizes(), ", "), toString(array.scalar_type()));
    }
    const auto values = array.to(torch::kFloat32);
    if (!torch::isfinite(values).all().item<bool>())
      fail<NonFiniteError>("{}: finite values required, got NaN or infinity", path.string());
    return values;
  }
  void compare(const torch::Tensor& part, const torch::Tensor& training) {
    const double difference =
        (part - training.index_select(0, forgotten_)).abs().max().item<double>();
    found_.largest_difference = std::isnan(found_.largest_difference)
                                    ? difference
                                    : std::max(found_.largest_difference, difference);
  }

  Tree tree_;
  int64_t dimensions_;
  std::vector<int64_t> full_ids_;
  std::vector<int64_t> oracle_ids_;
  std::vector<int64_t> forget_;
  torch::Tensor forgotten_;  // (|F|) int64, in the file's order
  torch::Tensor retained_;   // (n - |F|) int64, increasing
  EasydubFound found_;
};

void write_forget(const TreeReader& reader, const fs::path& folder, const EasydubOptions& options) {
  write_forget_set(
      folder / "forget.txt", reader.forget(),
      {fmt::format("EasyDUB, {}, forget set {}", options.dataset, options.forget_set)});
}

void write_rows(const fs::path& path, int64_t models, int64_t m,
                const std::function<torch::Tensor(int64_t)>& row_of) {
  NpyWriter writer(path, torch::kFloat32, {models, m});
  for (int64_t i = 0; i < models; ++i) writer.append(row_of(i).unsqueeze(0));
  writer.finish();
}

}  // namespace

void EasydubOptions::validate() const {
  for (const auto& [name, value] : {std::pair{"dataset", dataset}, {"network", network}}) {
    if (value.empty() || value.find('/') != std::string::npos || value.front() == '.')
      fail<OptionError>("option {}: a folder's name required, got \"{}\"", name, value);
  }
  require_option(epoch >= 0, "epoch", "at least 0", static_cast<double>(epoch));
  require_option(forget_set >= 0, "forget_set", "at least 0", static_cast<double>(forget_set));
}

OptionGroup options_of(EasydubOptions& o) {
  OptionGroup group("easydub", "Names in EasyDUB's tree");
  group.add("dataset", o.dataset, "folder of the data set")
      .add("network", o.network, "folder of the network")
      .add("epoch", o.epoch, "epoch in the files' names, the last one, counted from 0")
      .add("forget_set", o.forget_set, "number of the forget set");
  return group;
}

EasydubFound import_easydub_margins(const fs::path& tree, const fs::path& folder,
                                    const EasydubOptions& options) {
  options.validate();
  TreeReader reader(Tree(tree, "margins", options), /*logits=*/false);
  const auto found = reader.found();
  fs::create_directories(folder);
  write_rows(folder / "full.npy", found.pretrain_models, reader.m(),
             [&](int64_t i) { return reader.full(i); });
  write_rows(folder / "oracle.npy", found.oracle_models, reader.m(),
             [&](int64_t i) { return reader.oracle(i); });
  write_forget(reader, folder, options);
  return reader.found();
}

EasydubFound import_easydub_logits(const fs::path& tree, const fs::path& folder,
                                   const EasydubOptions& options) {
  options.validate();
  TreeReader reader(Tree(tree, "logits", options), /*logits=*/true);
  const auto found = reader.found();
  const auto write = [&](const std::string& name, int64_t models, const torch::Tensor& mask,
                         const std::function<torch::Tensor(int64_t)>& row_of) {
    EnsembleDescription description;
    description.name = name;
    description.models = models;
    description.layout = {.n = found.n, .m = reader.m(), .classes = found.classes};
    description.settings["imported_as"] = "\"EasyDUB tree\"";
    EnsembleStore::write(folder / name, description, [&](int64_t i) {
      return ShardRow{.row = i, .mask = mask, .logits = row_of(i)};
    });
  };
  const auto all = torch::ones({found.n}, torch::kBool);
  write("full", found.pretrain_models, all, [&](int64_t i) { return reader.full(i); });
  write(fmt::format("oracle-forget_{}", options.forget_set), found.oracle_models,
        forget_mask(reader.forget(), found.n).logical_not(),
        [&](int64_t i) { return reader.oracle(i); });
  write_forget(reader, folder, options);
  return reader.found();
}

void export_easydub(const torch::Tensor& full_logits, const torch::Tensor& oracle_logits,
                    const torch::Tensor& oracle_mask, const torch::Tensor& labels,
                    const fs::path& tree, const EasydubOptions& options) {
  options.validate();
  const int64_t n = oracle_mask.dim() == 1 ? oracle_mask.size(0) : -1;
  if (n < 0 || oracle_mask.scalar_type() != torch::kBool || full_logits.dim() != 3 ||
      oracle_logits.dim() != 3 || full_logits.sizes().slice(1) != oracle_logits.sizes().slice(1) ||
      full_logits.size(1) <= n) {
    fail<InputError>(
        "logits (N, m, C) of full models and of oracles, and a mask (n) of Bool with n < m "
        "required, got "
        "({}), ({}) and ({})",
        fmt::join(full_logits.sizes(), ", "), fmt::join(oracle_logits.sizes(), ", "),
        fmt::join(oracle_mask.sizes(), ", "));
  }
  const auto forgotten = oracle_mask.logical_not().nonzero().flatten();
  const auto retained = oracle_mask.nonzero().flatten();
  if (forgotten.numel() == 0 || retained.numel() == 0)
    fail<InputError>(
        "the oracles' mask: some examples left out and some kept required, got {} of {} left "
        "out",
        forgotten.numel(), n);
  const auto validation = torch::arange(n, full_logits.size(1));
  const auto training = torch::arange(n);
  const auto write = [&](const std::string& kind, const std::string& part, int64_t id,
                         const torch::Tensor& points) {
    const auto path = Tree(tree, kind, options).file(part, id);
    fs::create_directories(path.parent_path());
    write_npy(path, points);
  };
  // One model's parts, as logits and as margins.
  const auto write_model = [&](const torch::Tensor& logits, int64_t id,
                               const std::vector<std::pair<std::string, torch::Tensor>>& parts) {
    const auto row = logits.to(torch::kFloat32);
    const auto row_margins = margins(row, labels, 1);
    for (const auto& [part, points] : parts) {
      write("logits", part, id, row.index_select(0, points));
      write("margins", part, id, row_margins.index_select(0, points));
    }
  };
  const auto set = Tree(tree, "", options).set();
  for (int64_t i = 0; i < full_logits.size(0); ++i) {
    write_model(full_logits[i], i,
                {{"pretrain/retain", training},
                 {"pretrain/val", validation},
                 {"pretrain/" + set, forgotten}});
  }
  for (int64_t i = 0; i < oracle_logits.size(0); ++i) {
    write_model(oracle_logits[i], i,
                {{"oracle/" + set + "/retain", retained},
                 {"oracle/" + set + "/forget", forgotten},
                 {"oracle/" + set + "/val", validation}});
  }
  const auto file = Tree(tree, "", options).forget_set();
  fs::create_directories(file.parent_path());
  write_npy(file, forgotten);
}

}  // namespace expunge
