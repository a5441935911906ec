// Whether what lies in a folder is still what was written there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "expunge/core/progress.h"

namespace expunge {

enum class FileState {
  sound,       // its checksum is that of its bytes
  unchecked,   // it has none; what can be told without one is in order
  unfinished,  // a store that is still being filled
  damaged,
};

struct CheckedFile {
  std::filesystem::path path;  // within the folder
  FileState state = FileState::sound;
  std::string fault = {};  // of a damaged one: a line that names it
};

/// Reads everything below `folder` that has a checksum, or is known to need one: files with notes
/// (core/noted_checksum.h), models, arrays, ensembles' stores (what a description says must be there). By path;
/// links to folders are not followed. SystemError if the folder cannot be read, Interrupted on
/// request_interrupt().
std::vector<CheckedFile> check_files(const std::filesystem::path& folder,
                                     ProgressSink* progress = nullptr);

/// sound, unchecked, unfinished, damaged
std::string to_string(FileState state);

}  // namespace expunge
