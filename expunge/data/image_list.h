// Image files with their classes, before any of them is decoded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace expunge {

/// A class whose images are in several folders, each a subpopulation.
struct ImageClass {
  std::string name;
  std::vector<std::string> folders;  // their names
};

struct ImageList {
  std::filesystem::path folder;  // that was listed
  std::string name;              // for people: the folder and its part
  std::vector<std::string> class_names;
  std::vector<std::filesystem::path> files;
  std::vector<int64_t> labels;                // of each file, in [0, classes)
  std::vector<int64_t> groups = {};           // of each file, in [0, group_names); else empty
  std::vector<std::string> group_names = {};  // of subpopulations; empty where there are none
};

/// <folder>/<class>/*: files that end in .jpg, .jpeg or .png, in any case. Class by class in alphabetic order, files
/// by name; of each class the first `per_class`, all if that is 0. InputError if there is no class, a class has no
/// image or fewer than asked for, or a folder cannot be listed.
ImageList list_images(const std::filesystem::path& folder, int64_t per_class = 0);

/// <folder>/<subpopulation>/* for every subpopulation of the classes; other folders are passed over. Classes take
/// turns, and within a class its subpopulations do, each by names of files: the first k hold as many of each class,
/// and of each subpopulation, give or take one, as long as none has run out. Groups count subpopulations class by
/// class. Of each class the first `per_class`, of the list the first `count`; all where that is 0 (or `count` is more
/// than there are). InputError counts the subpopulations that have no folder and names the first; and
/// if there is none to list, and as above.
ImageList list_subpopulations(const std::filesystem::path& folder,
                              const std::vector<ImageClass>& classes, int64_t per_class = 0,
                              int64_t count = 0);

}  // namespace expunge
