#include "expunge/data/dataset.h"

#include <fmt/ranges.h>

#include "expunge/core/error.h"

namespace expunge {
namespace {

Dataset select(const Dataset& data, const std::vector<int64_t>& indices) {
  const auto index = torch::tensor(indices, torch::kInt64);
  Dataset part = data;
  part.images = data.images.index_select(0, index);
  part.labels = data.labels.index_select(0, index);
  if (data.groups.defined()) part.groups = data.groups.index_select(0, index);
  return part;
}

void require_range(const torch::Tensor& ids, int64_t count, const char* what,
                   const std::string& where) {
  const auto wrong = torch::logical_or(ids < 0, ids >= count).nonzero();
  if (wrong.size(0) == 0) return;
  const auto row = wrong[0][0].item<int64_t>();
  fail<InputError>("{}: {} from 0 to {} required, got {} at example {}", where, what, count - 1,
                   ids[row].item<int64_t>(), row);
}

}  // namespace

void Dataset::validate(const std::string& where) const {
  const bool pixels =
      images.defined() && images.dim() == 4 &&
      (images.scalar_type() == torch::kUInt8 || images.scalar_type() == torch::kFloat32);
  if (!pixels) fail<InputError>("{}: images (n, C, H, W) of uint8 or float32 required", where);
  if (!labels.defined() || labels.dim() != 1 || labels.scalar_type() != torch::kInt64) {
    fail<InputError>("{}: labels (n) of int64 required", where);
  }
  if (images.size(0) != labels.size(0)) {
    fail<InputError>("{}: as many labels as images required, got {} and {}", where, labels.size(0),
                     images.size(0));
  }
  if (images.numel() == 0) fail<InputError>("{}: at least one image required, got none", where);
  if (classes() < 2) fail<InputError>("{}: at least 2 classes required, got {}", where, classes());
  require_range(labels, classes(), "labels", where);
  if (groups.defined()) {
    if (groups.dim() != 1 || groups.scalar_type() != torch::kInt64 ||
        groups.size(0) != labels.size(0)) {
      fail<InputError>("{}: groups ({}) of int64 required, got ({}) of {}", where, labels.size(0),
                       fmt::join(groups.sizes(), ", "), toString(groups.scalar_type()));
    }
    require_range(groups, std::ssize(group_names), "groups", where);
  }
  if (images.scalar_type() == torch::kFloat32) {
    const auto finite = torch::isfinite(images).flatten(1).all(1);
    if (!finite.all().item<bool>()) {
      fail<NonFiniteError>("{}: image {} has a value that is not finite", where,
                           torch::logical_not(finite).nonzero()[0][0].item<int64_t>());
    }
  }
}

Dataset first_examples(const Dataset& data, int64_t count, const std::string& where) {
  if (count > data.size())
    fail<InputError>("{}: {} examples required, got {}", where, count, data.size());
  Dataset part = data;
  part.images = data.images.narrow(0, 0, count).contiguous();
  part.labels = data.labels.narrow(0, 0, count).contiguous();
  if (data.groups.defined()) part.groups = data.groups.narrow(0, 0, count).contiguous();
  return part;
}

Dataset first_of_each_class(const Dataset& data, int64_t count, const std::string& where) {
  std::vector<int64_t> seen(static_cast<size_t>(data.classes()), 0);
  std::vector<int64_t> indices;
  const auto* labels = data.labels.data_ptr<int64_t>();
  for (int64_t i = 0; i < data.size(); ++i) {
    if (seen[static_cast<size_t>(labels[i])]++ < count) indices.push_back(i);
  }
  for (int64_t c = 0; c < data.classes(); ++c) {
    if (seen[static_cast<size_t>(c)] < count) {
      fail<InputError>("{}: {} examples of each class required, class {} has {}", where, count,
                       data.class_names[static_cast<size_t>(c)], seen[static_cast<size_t>(c)]);
    }
  }
  return select(data, indices);
}

}  // namespace expunge
