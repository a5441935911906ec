// What processes that were killed while they wrote files (atomic_file.h) left behind.
#pragma once

#include <chrono>
#include <filesystem>

namespace expunge {

/// Removes the temporary files of AtomicFile in `folder` that nobody has written to for `age` and no process holds, so
/// that other processes may be writing there. Does nothing where there is no such folder, and no
/// harm where a file cannot be removed.
void remove_abandoned_files(const std::filesystem::path& folder,
                            std::chrono::seconds age = std::chrono::hours(1)) noexcept;

}  // namespace expunge
