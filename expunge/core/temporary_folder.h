// A folder that goes with its owner.
#pragma once

#include <filesystem>
#include <string>

namespace expunge {

/// A new folder below the system's one for temporary files (TMPDIR), removed with all that it holds.
class TemporaryFolder {
 public:
  /// Its name begins with `name`. SystemError if it cannot be made.
  explicit TemporaryFolder(const std::string& name);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace expunge
