#include "expunge/data/npy_pair.h"

#include <fmt/ranges.h>

#include <sstream>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

Dataset read_part(const fs::path& folder, const std::string& part) {
  const auto images_path = folder / (part + "_images.npy");
  const auto labels_path = folder / (part + "_labels.npy");
  Dataset data;
  const auto& named = folder.filename().empty() ? folder.parent_path() : folder;
  data.name = fmt::format("{}, {}", named.filename().string(), part);
  auto images = read_npy(images_path);
  if (images.scalar_type() == torch::kFloat64) images = images.to(torch::kFloat32);
  if (images.scalar_type() != torch::kUInt8 && images.scalar_type() != torch::kFloat32) {
    fail<InputError>("{}: images of uint8 or float32 required, got {}", images_path.string(),
                     toString(images.scalar_type()));
  }
  if (images.dim() == 2) {
    images = images.view({images.size(0), 1, 1, images.size(1)});
  } else if (images.dim() == 3) {
    images = images.unsqueeze(1);
  } else if (images.dim() != 4) {
    fail<InputError>("{}: images (n, d), (n, H, W) or (n, C, H, W) required, got ({})",
                     images_path.string(), fmt::join(images.sizes(), ", "));
  }
  data.images = images;
  const auto labels = read_npy(labels_path);
  if (labels.dim() != 1 || !c10::isIntegralType(labels.scalar_type(), false)) {
    fail<InputError>("{}: labels (n) of whole numbers required, got ({}) of {}",
                     labels_path.string(), fmt::join(labels.sizes(), ", "),
                     toString(labels.scalar_type()));
  }
  data.labels = labels.to(torch::kInt64);
  return data;
}

}  // namespace

DataSplit read_npy_pairs(const fs::path& folder) {
  DataSplit split{read_part(folder, "train"), read_part(folder, "val")};
  std::vector<std::string> names;
  if (fs::exists(folder / "class_names.txt")) {
    std::istringstream lines(read_file(folder / "class_names.txt"));
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty()) names.push_back(line);
    }
  } else {
    const auto largest = [](const Dataset& d) {
      return d.labels.numel() == 0 ? 0 : d.labels.max().item<int64_t>();
    };
    const int64_t last = std::max<int64_t>({largest(split.train), largest(split.validation), 1});
    constexpr int64_t most = 1'000'000;
    if (last >= most)
      fail<InputError>("{}: labels below {} required, got {}", folder.string(), most, last);
    for (int64_t c = 0; c <= last; ++c) names.push_back(fmt::format("{}", c));
  }
  split.train.class_names = split.validation.class_names = names;
  split.train.validate((folder / "train_images.npy").string());
  split.validation.validate((folder / "val_images.npy").string());
  return split;
}

}  // namespace expunge
