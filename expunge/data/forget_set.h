// Forget sets F: indices into the training set, kept in text files.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace expunge {

/// Reads one index a line; empty lines and what follows a '#' are passed over. InputError with file
/// and line for what is no whole number, out of [0, n) or there twice, and if F is empty or all of
/// S.
std::vector<int64_t> read_forget_set(const std::filesystem::path& path, int64_t n);

/// The same checks for indices at hand; messages begin with `where`.
void check_forget_set(std::span<const int64_t> forget, int64_t n, const std::string& where);

/// One index a line, after the comments: each a line that begins with "# ". Bytes of a comment that
/// would end its line, and other control characters, become '?'.
void write_forget_set(const std::filesystem::path& path, std::span<const int64_t> forget,
                      const std::vector<std::string>& comments = {});

/// (n) bool, true for members of F.
torch::Tensor forget_mask(std::span<const int64_t> forget, int64_t n);

/// R = S \ F in increasing order.
std::vector<int64_t> retain_indices(std::span<const int64_t> forget, int64_t n);

}  // namespace expunge
