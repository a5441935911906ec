// What the fuzzers share. Each gives what libFuzzer makes up to one reader, as a file of a user's would reach it.
//
// A reader may refuse a file with an Error whose message is one line. All else ends the process, which libFuzzer
// takes for a fault: another exception, a signal, a sanitizer's report, a message of several lines.
#pragma once

#include <ATen/Parallel.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <torch/types.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "expunge/core/error.h"
#include "expunge/core/temporary_folder.h"

namespace expunge::fuzz {

namespace fs = std::filesystem;

[[noreturn]] inline void broken(const std::string& what) {
  std::fprintf(stderr, "broken promise: %s\n", what.c_str());
  std::abort();
}

/// Files of one process in a folder of its own below TMPDIR (scripts/fuzz lets that be in memory). They stay open
/// from one execution to the next.
class Scratch {
 public:
  Scratch() { at::set_num_threads(1); }
  [[nodiscard]] const fs::path& folder() const { return folder_.path(); }

  /// The file of that name holds these bytes; without any it is not there.
  fs::path put(const std::string& name, std::optional<std::string_view> bytes) {
    const auto path = folder() / name;
    auto& file = files_[name];
    struct stat status {};
    if (file > 0 &&
        (::fstat(file, &status) != 0 || status.st_nlink == 0)) {  // the reader replaced it
      ::close(file);
      file = 0;
    }
    if (!bytes) {
      if (file > 0) ::close(file);
      file = 0;
      ::unlink(path.c_str());
      return path;
    }
    if (file <= 0) {
      fs::create_directories(path.parent_path());
      ::unlink(path.c_str());
      file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    }
    const bool written =
        ::ftruncate(file, 0) == 0 &&
        ::pwrite(file, bytes->data(), bytes->size(), 0) == static_cast<ssize_t>(bytes->size());
    if (!written) broken("no room for the files");
    return path;
  }
  /// A folder for what an import writes, empty.
  fs::path fresh_folder(const std::string& name) {
    fs::remove_all(folder() / name);
    fs::create_directories(folder() / name);
    return folder() / name;
  }

 private:
  TemporaryFolder folder_{"expunge-fuzz"};
  std::map<std::string, int> files_;
};

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// An input that stands for several files: its parts are apart by lines of four hyphens. The last one is all that
/// is left; those that are missing are files that are not there.
inline std::vector<std::optional<std::string_view>> parts_of(std::string_view text, size_t count) {
  constexpr std::string_view line = "\n----\n";
  std::vector<std::optional<std::string_view>> parts(count);
  for (size_t i = 0; i < count; ++i) {
    const auto end = i + 1 < count ? text.find(line) : std::string_view::npos;
    parts[i] = text.substr(0, end);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + line.size());
  }
  return parts;
}

/// Calls a reader.
template <class Read>
void reading(Read&& read) {
  try {
    read();
  } catch (const Error& error) {
    const std::string_view message = error.what();
    if (message.empty() || message.find('\n') != std::string_view::npos)
      broken("a message of one line required, got \"" + std::string(message) + "\"");
  }
}

/// Reads every byte, so that memory that is not there is found out.
inline void touch(std::string_view bytes) {
  uint64_t sum = 0;
  for (const char byte : bytes) sum += static_cast<unsigned char>(byte);
  [[maybe_unused]] volatile uint64_t kept = sum;
}
inline void touch(const torch::Tensor& tensor) {
  if (!tensor.defined()) return;
  const auto whole = tensor.contiguous();
  touch(std::string_view(static_cast<const char*>(whole.data_ptr()), whole.nbytes()));
}

}  // namespace expunge::fuzz
