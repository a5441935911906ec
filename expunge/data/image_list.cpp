#include "expunge/data/image_list.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <limits>
#include <set>

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

std::string name_of_list(const fs::path& folder) {
  return fmt::format("{}, {}", folder.parent_path().filename().string(),
                     folder.filename().string());
}

bool is_folder(const fs::path& path) {
  return fs::is_directory(path);
}

void require_folders(const fs::path& folder, const std::vector<ImageClass>& classes) {
  std::set<std::string> there;
  for (const auto& path : sorted_entries(folder, is_folder)) there.insert(path.filename().string());
  size_t all = 0;
  std::vector<std::string> missing;
  for (const auto& c : classes) {
    for (const auto& name : c.folders) {
      ++all;
      if (!there.contains(name)) missing.push_back(fmt::format("{} ({})", name, c.name));
    }
  }
  if (missing.empty()) return;
  fail<InputError>("{}: folders of {} subpopulations required, got {}; the first of {} missing: {}",
                   folder.string(), all, all - missing.size(), missing.size(), missing.front());
}

struct GroupedFile {
  fs::path file;
  int64_t group;
};

// The files of a class, its folders by turns; the first folder's group is `first_group`.
std::vector<GroupedFile> by_turns(const fs::path& folder, const ImageClass& c, int64_t first_group,
                                  int64_t per_class) {
  std::vector<std::vector<fs::path>> of_folder;
  size_t longest = 0;
  for (const auto& name : c.folders) {
    of_folder.push_back(images_in(folder / name, 0));
    longest = std::max(longest, of_folder.back().size());
  }
  std::vector<GroupedFile> files;
  for (size_t i = 0; i < longest; ++i) {
    for (size_t f = 0; f < of_folder.size(); ++f) {
      if (i < of_folder[f].size())
        files.push_back({std::move(of_folder[f][i]), first_group + static_cast<int64_t>(f)});
    }
  }
  if (per_class > 0) {
    if (std::ssize(files) < per_class) {
      fail<InputError>("{}: {} images of class {} required, got {}", folder.string(), per_class,
                       c.name, files.size());
    }
    files.resize(static_cast<size_t>(per_class));
  }
  return files;
}

}  // namespace

ImageList list_images(const fs::path& folder, int64_t per_class) {
  ImageList list;
  list.folder = folder;
  list.name = name_of_list(folder);
  for (const auto& class_folder : sorted_entries(folder, is_folder)) {
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

ImageList list_subpopulations(const fs::path& folder, const std::vector<ImageClass>& classes,
                              int64_t per_class, int64_t count) {
  require_folders(folder, classes);
  if (std::all_of(classes.begin(), classes.end(), [](const auto& c) { return c.folders.empty(); }))
    fail<InputError>("{}: at least one subpopulation required, got none", folder.string());
  ImageList list;
  list.folder = folder;
  list.name = name_of_list(folder);
  std::vector<std::vector<GroupedFile>> of_class;
  size_t longest = 0;
  for (const auto& c : classes) {
    of_class.push_back(by_turns(folder, c, std::ssize(list.group_names), per_class));
    longest = std::max(longest, of_class.back().size());
    list.class_names.push_back(c.name);
    list.group_names.insert(list.group_names.end(), c.folders.begin(), c.folders.end());
  }
  const auto most = count > 0 ? static_cast<size_t>(count) : std::numeric_limits<size_t>::max();
  for (size_t i = 0; i < longest; ++i) {
    for (size_t c = 0; c < of_class.size() && list.files.size() < most; ++c) {
      if (i >= of_class[c].size()) continue;
      list.files.push_back(std::move(of_class[c][i].file));
      list.labels.push_back(static_cast<int64_t>(c));
      list.groups.push_back(of_class[c][i].group);
    }
  }
  return list;
}

}  // namespace expunge
