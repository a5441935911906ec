#include "expunge/data/image_list.h"

#include <algorithm>
#include <cctype>
#include <functional>

#include "expunge/core/error.h"

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

// The image files of one folder, by name; the first `count` of them, all if that is 0.
std::vector<fs::path> images_in(const fs::path& folder, int64_t count) {
  auto files = sorted_entries(folder, is_image_name);
  if (files.empty())
    fail<InputError>("{}: at least one image (.jpg, .jpeg, .png) required", folder.string());
  if (count > 0) {
    if (std::ssize(files) < count)
      fail<InputError>("{}: {} images required, got {}", folder.string(), count, files.size());
    files.resize(static_cast<size_t>(count));
  }
  return files;
}

}  // namespace

ImageList list_images(const fs::path& folder, int64_t per_class) {
  ImageList list;
  list.folder = folder;
  list.name =
      fmt::format("{}, {}", folder.parent_path().filename().string(), folder.filename().string());
  for (const auto& class_folder :
       sorted_entries(folder, [](const fs::path& p) { return fs::is_directory(p); })) {
    for (auto& file : images_in(class_folder, per_class)) {
      list.files.push_back(std::move(file));
      list.labels.push_back(std::ssize(list.class_names));
    }
    list.class_names.push_back(class_folder.filename().string());
  }
  if (list.files.empty())
    fail<InputError>("{}: at least one class folder required, got none", folder.string());
  return list;
}

}  // namespace expunge
