#include "expunge/core/noted_checksum.h"

#include "expunge/core/abandoned_files.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/crc32.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/printable.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

constexpr const char* notes_folder = "checksums";
constexpr const char* note_extension = ".crc32";

std::string checksum_text(const fs::path& file) {
  const MappedFile bytes(file);
  return fmt::format("{:08x}", crc32_of(bytes.data(), bytes.size()));
}

}  // namespace

fs::path note_of(const fs::path& file) {
  return file.parent_path() / notes_folder / (file.filename().string() + note_extension);
}

fs::path file_of_note(const fs::path& note) {
  if (note.extension() != note_extension || note.parent_path().filename() != notes_folder)
    return {};
  return note.parent_path().parent_path() / note.stem();
}

void write_noted(const fs::path& file, const std::function<void()>& write) {
  const auto note = note_of(file);
  std::error_code none;
  fs::remove(note, none);  // what it says is no longer so, at whatever instant this one ends
  write();
  fs::create_directories(note.parent_path());
  remove_abandoned_files(note.parent_path());
  write_file_atomically(note, checksum_text(file) + "\n");
}

void write_noted_npy(const fs::path& file, const torch::Tensor& array) {
  write_noted(file, [&] { write_npy(file, array); });
}

std::optional<bool> agrees_with_note(const fs::path& file) {
  const auto note = note_of(file);
  std::error_code none;
  if (!fs::exists(note, none)) return std::nullopt;
  const auto text = read_file(note);
  const bool sound =
      text.size() == 9 && text.back() == '\n' && text.find_first_not_of("0123456789abcdef") == 8;
  if (!sound) {
    fail<InputError>("{}: a CRC-32 of 8 hexadecimal digits required, got {} bytes: \"{}\"",
                     note.string(), text.size(), printable(text, 20));
  }
  return text.substr(0, 8) == checksum_text(file);
}

bool require_noted(const fs::path& file) {
  const auto agrees = agrees_with_note(file);
  if (!agrees || *agrees) return agrees.has_value();
  fail<InputError>(
      "{}: the bytes whose checksum was noted required, got others, damaged or changed since; put "
      "the file back, have it made again, or remove {} to take it as it is",
      file.string(), note_of(file).string());
}

}  // namespace expunge
