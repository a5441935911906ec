// Files that are written as a whole or not at all, and files that are read.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace expunge {

/// Where the contents of a file go while it is being written.
class FileWriter {
 public:
  virtual ~FileWriter() = default;
  /// SystemError if not all bytes can be written.
  virtual void write(const void* bytes, size_t count) = 0;
  void write(std::string_view text) { write(text.data(), text.size()); }
};

/// A file that comes into being with commit(). Until then the bytes go to a temporary beside it,
/// ".NAME.<16 hexadecimal digits>.tmp", which the destructor removes; only a process that is killed
/// leaves one behind. A reader sees the old file or the whole new one, also after a power failure.
///
/// A symbolic link is followed. A target that is no regular file (a pipe, a terminal, /dev/null)
/// cannot be replaced and is written straight.
///
/// Every failure throws SystemError with the path and the system's reason.
class AtomicFile : public FileWriter {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  using FileWriter::write;
  void write(const void* bytes, size_t count) override;
  /// Waits until the bytes are on the disk, then puts the file in its place. Once only.
  void commit();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  void flush();
  void write_out(const char* bytes, size_t count);
  void discard() noexcept;

  std::filesystem::path path_;       // as asked for
  std::filesystem::path target_;     // with links followed
  std::filesystem::path temporary_;  // empty if the target is written straight
  int file_ = -1;
  std::string buffer_;
};

/// Writes what `write` puts into its argument; leaves the old file alone if `write` throws.
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(FileWriter&)>& write);
void write_file_atomically(const std::filesystem::path& path, std::string_view contents);

/// The same, but leaves a file alone that is there already, whoever made it at whatever instant;
/// returns whether it was made. (On file systems without hard links the last of two processes that
/// make it at the same instant wins.)
bool write_new_file(const std::filesystem::path& path, std::string_view contents);

/// The whole file. SystemError if it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// A regular file's bytes, read-only, without copying them. Pages are read when they are touched; a
/// file that another process shortens meanwhile kills this one (SIGBUS), so it suits files that are
/// replaced as a whole.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// nullptr if the file is empty.
  [[nodiscard]] const std::byte* data() const { return data_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(data_), size_};
  }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace expunge
