#include "expunge/core/abandoned_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace expunge {
namespace {

namespace fs = std::filesystem;

// ".<name>.<16 hexadecimal digits>.tmp", as AtomicFile names them.
bool is_temporary(const std::string& name) {
  constexpr size_t digits = 16;
  const std::string ending = ".tmp";
  if (name.size() < digits + ending.size() + 3 || name.front() != '.' || !name.ends_with(ending))
    return false;
  const auto begin = name.size() - ending.size() - digits;
  return name[begin - 1] == '.' &&
         std::all_of(name.begin() + static_cast<std::ptrdiff_t>(begin),
                     name.end() - static_cast<std::ptrdiff_t>(ending.size()),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Unless a process still writes to it, for which AtomicFile holds a lock.
void remove_unless_held(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const bool held = file >= 0 && ::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  std::error_code none;
  if (!held) fs::remove(path, none);
  if (file >= 0) ::close(file);
}

}  // namespace

void remove_abandoned_files(const fs::path& folder, std::chrono::seconds age) noexcept {
  try {
    std::error_code error;
    std::error_code none;
    for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator();
         at.increment(error)) {
      if (!is_temporary(at->path().filename().string()) || !at->is_regular_file(none)) continue;
      const auto written = at->last_write_time(none);
      if (!none && fs::file_time_type::clock::now() - written >= age)
        remove_unless_held(at->path());
    }
  } catch (...) {
    // Only memory can be short here: the files stay where they are.
  }
}

}  // namespace expunge
