// Image files with their classes, before any of them is decoded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace expunge {

struct ImageList {
  std::filesystem::path folder;  // that was listed
  std::string name;              // for people: the folder and its part
  std::vector<std::string> class_names;
  std::vector<std::filesystem::path> files;  // class by class
  std::vector<int64_t> labels;               // of each file, in [0, classes)
};

/// <folder>/<class>/*: files that end in .jpg, .jpeg or .png, in any case. Classes in alphabetic order, files by
/// name; of each class the first `per_class`, all if that is 0. InputError if there is no class, a class has no
/// image or fewer than asked for, or a folder cannot be listed.
ImageList list_images(const std::filesystem::path& folder, int64_t per_class = 0);

}  // namespace expunge
