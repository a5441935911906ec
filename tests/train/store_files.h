// The files of a store, to be compared byte by byte.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "expunge/core/atomic_file.h"

namespace expunge {

/// Every .npy and .safetensors file under `folder`, by its path within.
inline std::map<std::string, std::string> arrays_and_weights(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const auto extension = entry.path().extension();
    if (extension == ".npy" || extension == ".safetensors")
      files[entry.path().lexically_relative(folder).string()] = read_file(entry.path());
  }
  return files;
}

inline void expect_same_files(const std::map<std::string, std::string>& a,
                              const std::map<std::string, std::string>& b) {
  EXPECT_EQ(a.size(), b.size());
  for (const auto& [name, bytes] : a) {
    const auto other = b.find(name);
    EXPECT_TRUE(other != b.end() && other->second == bytes) << name << " differs or is not there";
  }
}

}  // namespace expunge
