// Checksums of finished files, noted beside them, so that what a disk makes of them later is told from what was written.
//
//   FOLDER/checksums/NAME.crc32   CRC-32 of the bytes of FOLDER/NAME: 8 hexadecimal digits
//
// A file without a note is taken as it is: it was made by an older expunge, or put there by its user.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <functional>
#include <optional>

namespace expunge {

/// Calls write(), which makes the file or replaces it, and notes what it left there. Whoever is killed between the two
/// leaves a file without a note. SystemError if the note cannot be written.
void write_noted(const std::filesystem::path& file, const std::function<void()>& write);

/// The same with an array that write_npy() writes.
void write_noted_npy(const std::filesystem::path& file, const torch::Tensor& array);

/// Reads the file once: whether it is what was noted; nullopt where nothing was. InputError if the note is damaged,
/// SystemError if the file cannot be read.
std::optional<bool> agrees_with_note(const std::filesystem::path& file);

/// InputError, which says what to do, if the file is not what was noted; false where nothing was.
bool require_noted(const std::filesystem::path& file);

/// Where the note of a file lies, and the file of a note; empty for a path that is no note's.
std::filesystem::path note_of(const std::filesystem::path& file);
std::filesystem::path file_of_note(const std::filesystem::path& note);

}  // namespace expunge
