// Text files of indices, one a line: forget sets, points to judge.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace expunge {

/// Calls on_index(index, "FILE:LINE") for each line of the file, in order; empty lines and what follows
/// a '#' are passed over. InputError with file and line for what is no whole number.
void read_indices(const std::filesystem::path& path,
                  const std::function<void(int64_t index, const std::string& where)>& on_index);

}  // namespace expunge
