#include "expunge/data/image_folder.h"

#include <ATen/ops/stack.h>

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/data/image_file.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> sorted_entries(const fs::path& folder,
                                     const std::function<bool(const fs::path&)>& wanted) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (wanted(it->path())) paths.push_back(it->path());
  }
  if (error) fail<InputError>("{}: cannot be listed: {}", folder.string(), error.message());
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool is_image_name(const fs::path& path) {
  auto extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

Dataset read_part(const fs::path& folder, int64_t downscale, int64_t per_class) {
  Dataset data;
  data.name =
      fmt::format("{}, {}", folder.parent_path().filename().string(), folder.filename().string());
  std::vector<torch::Tensor> images;
  std::vector<int64_t> labels;
  std::string first_image;
  for (const auto& class_folder :
       sorted_entries(folder, [](const fs::path& p) { return fs::is_directory(p); })) {
    auto files = sorted_entries(class_folder, is_image_name);
    if (files.empty())
      fail<InputError>("{}: at least one image (.jpg, .jpeg, .png) required",
                       class_folder.string());
    if (per_class > 0) {
      if (static_cast<int64_t>(files.size()) < per_class) {
        fail<InputError>("{}: {} images required, got {}", class_folder.string(), per_class,
                         files.size());
      }
      files.resize(static_cast<size_t>(per_class));
    }
    for (const auto& file : files) {
      auto image = downscaled(read_image(file).unsqueeze(0), downscale, file.string()).squeeze(0);
      if (images.empty()) first_image = file.string();
      if (!images.empty() && image.sizes().slice(1) != images.front().sizes().slice(1)) {
        fail<InputError>("{}: {} x {} pixels required, as in {}, got {} x {}", file.string(),
                         images.front().size(1), images.front().size(2), first_image, image.size(1),
                         image.size(2));
      }
      images.push_back(std::move(image));
      labels.push_back(static_cast<int64_t>(data.class_names.size()));
    }
    data.class_names.push_back(class_folder.filename().string());
  }
  if (images.empty())
    fail<InputError>("{}: at least one class folder required, got none", folder.string());
  const bool colour =
      std::any_of(images.begin(), images.end(), [](const auto& i) { return i.size(0) == 3; });
  if (colour) {
    for (auto& image : images) {
      if (image.size(0) == 1) image = image.expand({3, -1, -1});
    }
  }
  data.images = at::stack(images);
  data.labels = torch::tensor(labels, torch::kInt64);
  data.validate(folder.string());
  return data;
}

}  // namespace

DataSplit read_image_folder(const fs::path& folder, int64_t downscale, int64_t per_class,
                            int64_t validation_per_class) {
  const auto test = fs::is_directory(folder / "test") ? folder / "test" : folder / "val";
  DataSplit split{read_part(folder / "train", downscale, per_class),
                  read_part(test, downscale, validation_per_class)};
  const int64_t channels = std::max(split.train.images.size(1), split.validation.images.size(1));
  for (auto* part : {&split.train, &split.validation})
    part->images = part->images.expand({-1, channels, -1, -1}).contiguous();
  return split;
}

}  // namespace expunge
