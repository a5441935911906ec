#include "expunge/core/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>

#include "expunge/core/error.h"
#include "expunge/core/system_calls.h"

#if defined(__SANITIZE_ADDRESS__)
#define EXPUNGE_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EXPUNGE_ADDRESS_SANITIZER
#endif
#endif
#ifdef EXPUNGE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace expunge {
namespace {

namespace fs = std::filesystem;

constexpr size_t buffer_size = size_t{1} << 16;

// Returns errno or 0. Not again after EINTR: Linux has closed the descriptor all the same.
int close_for(int file) {
  return ::close(file) == 0 || errno == EINTR ? 0 : errno;
}

// A descriptor that is closed at the end of its scope.
class OpenFile {
 public:
  explicit OpenFile(const fs::path& path) : file_(open_retrying(path, O_RDONLY)) {
    if (file_ < 0) fail_system(path, "cannot be opened", errno);
  }
  ~OpenFile() { ::close(file_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] int get() const { return file_; }

 private:
  int file_;
};

// A name that no other process on any machine uses. Not a seed of anything that is kept.
fs::path temporary_beside(const fs::path& target) {
  std::random_device device;
  const uint64_t word = (static_cast<uint64_t>(device()) << 32) | device();
  return target.parent_path() / fmt::format(".{}.{:016x}.tmp", target.filename().string(), word);
}

// Locks a temporary, which is the sign that it is not abandoned, however old a clock that jumps makes it: whether it
// is still there. Where a file system has no locks, its age alone says so.
bool is_held(int file) {
  if (::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
  struct stat status {};
  return ::fstat(file, &status) != 0 || status.st_nlink > 0;
}

// Bytes from a mapped file's end to that of its last page can be read, and are nobody's: where there is
// an AddressSanitizer it is told to report whoever reads them.
void forbid_rest_of_page([[maybe_unused]] const std::byte* data, [[maybe_unused]] size_t size,
                         [[maybe_unused]] bool forbidden) {
#ifdef EXPUNGE_ADDRESS_SANITIZER
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t rest = (page - size % page) % page;
  if (forbidden) {
    __asan_poison_memory_region(data + size, rest);
  } else {
    __asan_unpoison_memory_region(data + size, rest);
  }
#endif
}

// A renamed file survives a power failure only once its folder is on the disk.
void sync_folder_of(const fs::path& target) {
  const auto folder = target.parent_path().empty() ? fs::path(".") : target.parent_path();
  const OpenFile handle(folder);
  // Some file systems cannot sync a folder, and say so by EINVAL.
  const int error = sync_file(handle.get());
  if (error != 0 && error != EINVAL) fail_system(folder, "cannot be synced", error);
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : path_(path), target_(path) {
  std::error_code none;
  if (fs::is_symlink(path, none)) target_ = fs::weakly_canonical(path, none);
  if (target_.empty()) target_ = path;
  const auto status = fs::status(target_, none);
  if (fs::is_directory(status)) fail_system(path_, "cannot be written", EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    file_ = open_retrying(target_, O_WRONLY);
  } else {
    for (int tries = 1;; ++tries) {
      temporary_ = temporary_beside(target_);
      file_ = open_retrying(temporary_, O_WRONLY | O_CREAT | O_EXCL, 0666);
      if (file_ < 0 || is_held(file_) || tries == 3) break;
      ::close(file_);
    }
  }
  if (file_ < 0) {
    temporary_.clear();
    fail_system(path_, "cannot be created", errno);
  }
  buffer_.reserve(buffer_size);
}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::discard() noexcept {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::write(const void* bytes, size_t count) {
  if (count == 0) return;
  const auto* from = static_cast<const char*>(bytes);
  if (buffer_.size() + count > buffer_size) flush();
  if (count >= buffer_size) {
    write_out(from, count);
  } else {
    buffer_.append(from, count);
  }
}

void AtomicFile::flush() {
  write_out(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void AtomicFile::write_out(const char* bytes, size_t count) {
  const int error = write_all(file_, {bytes, count});
  if (error != 0) fail_system(path_, "cannot be written", error);
}

void AtomicFile::commit() {
  if (file_ < 0) fail("{}: committed twice", path_.string());
  flush();
  if (temporary_.empty()) {
    const int error = close_for(file_);
    file_ = -1;
    if (error != 0) fail_system(path_, "cannot be written", error);
    return;
  }
  if (const int error = sync_file(file_); error != 0) fail_system(path_, "cannot be synced", error);
  // The lock's last holder until the file is in its place.
  const int held = ::dup(file_);
  // A network file system may tell only now that it had no room.
  const int error = close_for(file_);
  file_ = -1;
  const bool renamed = error == 0 && ::rename(temporary_.c_str(), target_.c_str()) == 0;
  const int reason = errno;
  if (held >= 0) ::close(held);
  if (error != 0) fail_system(path_, "cannot be written", error);
  if (!renamed) fail_system(path_, "cannot be put in its place", reason);
  temporary_.clear();
  sync_folder_of(target_);
}

void write_file_atomically(const fs::path& path, const std::function<void(FileWriter&)>& write) {
  AtomicFile file(path);
  write(file);
  file.commit();
}

void write_file_atomically(const fs::path& path, std::string_view contents) {
  write_file_atomically(path, [&](FileWriter& file) { file.write(contents); });
}

bool write_new_file(const fs::path& path, std::string_view contents) {
  std::error_code error;
  if (fs::exists(path, error)) return false;
  fs::path own;
  int reason = ENOENT;
  // Nobody holds it once it is whole: who takes it for abandoned, by a clock that jumps, has it made again.
  for (int tries = 0; tries < 5 && reason == ENOENT; ++tries) {
    own = temporary_beside(path);
    write_file_atomically(own, contents);
    reason = ::link(own.c_str(), path.c_str()) == 0 ? 0 : errno;
  }
  if (reason != 0 && reason != EEXIST) {
    if (::rename(own.c_str(), path.c_str()) != 0)
      fail_system(path, "cannot be put in its place", errno);
  } else {
    ::unlink(own.c_str());
  }
  sync_folder_of(path);
  return reason != EEXIST;
}

std::string read_file(const fs::path& path) {
  const OpenFile file(path);
  std::string contents;
  char buffer[buffer_size];
  while (true) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_system(path, "cannot be read", errno);
    if (got == 0) return contents;
    contents.append(buffer, static_cast<size_t>(got));
  }
}

MappedFile::MappedFile(const fs::path& path) {
  const OpenFile file(path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail_system(path, "cannot be read", errno);
  if (S_ISDIR(status.st_mode)) fail_system(path, "cannot be read", EISDIR);
  if (!S_ISREG(status.st_mode)) fail<SystemError>("{}: a regular file required", path.string());
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) return;
  void* memory = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) fail_system(path, "cannot be mapped", errno);
  data_ = static_cast<const std::byte*>(memory);
  forbid_rest_of_page(data_, size_, true);
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  forbid_rest_of_page(data_, size_, false);
  ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace expunge
