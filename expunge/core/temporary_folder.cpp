#include "expunge/core/temporary_folder.h"

#include <cstdlib>

#include "expunge/core/error.h"

namespace expunge {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder(const std::string& name) {
  auto path = (fs::temp_directory_path() / (name + "-XXXXXX")).string();
  if (::mkdtemp(path.data()) == nullptr)
    fail<SystemError>("{}: a temporary folder cannot be made", path);
  path_ = path;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace expunge
