// Evaluation points to judge, by index, kept in text files. A forget set's file is one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace expunge {

/// Reads one index a line; empty lines and what follows a '#' are passed over. Unlike
/// read_forget_set(), all m points are allowed. InputError with file and line for what is no whole
/// number, out of [0, m) or there twice, and if there is none.
std::vector<int64_t> read_points(const std::filesystem::path& path, int64_t m);

}  // namespace expunge
