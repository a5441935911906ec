#include "expunge/core/system_calls.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "expunge/core/error.h"

namespace expunge {

int open_retrying(const std::filesystem::path& path, int flags, mode_t mode) {
  while (true) {
    const int file = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (file >= 0 || errno != EINTR) return file;
  }
}

int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : ENOSPC;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

int sync_file(int file) {
  while (::fsync(file) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

std::string system_message(int error) {
  return std::generic_category().message(error);
}

void fail_system(const std::filesystem::path& path, std::string_view what, int error) {
  fail<SystemError>("{}: {}: {}", path.string(), what, system_message(error));
}

}  // namespace expunge
