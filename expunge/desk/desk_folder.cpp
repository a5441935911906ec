#include "expunge/desk/desk_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "expunge/core/abandoned_files.h"
#include "expunge/core/error.h"
#include "expunge/core/system_calls.h"

namespace expunge::desk {

namespace fs = std::filesystem;

fs::path DeskFolder::version(int64_t version) const {
  return folder_ / "versions" / fmt::format("{:04}", version);
}
fs::path DeskFolder::model(int64_t number) const {
  return version(number) / "model.safetensors";
}
fs::path DeskFolder::certificate(int64_t number) const {
  return version(number) / "certificate.json";
}
fs::path DeskFolder::signature(int64_t number) const {
  return version(number) / "certificate.sig";
}
fs::path DeskFolder::page(int64_t number) const {
  return version(number) / "certificate.html";
}
fs::path DeskFolder::page_signature(int64_t number) const {
  return version(number) / "certificate.html.sig";
}
fs::path DeskFolder::effects(int64_t number) const {
  return version(number) / "effects.json";
}

void DeskFolder::clean() const {
  for (const auto& folder : {folder_, data(), evidence(), evidence() / "factors"})
    remove_abandoned_files(folder, std::chrono::seconds(0));
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder_ / "versions", none))
    remove_abandoned_files(entry.path(), std::chrono::seconds(0));
}

DeskLock::DeskLock(const DeskFolder& folder, bool wait) {
  const auto path = folder.path() / "lock";
  file_ = open_retrying(path, O_RDWR | O_CREAT, 0600);
  if (file_ < 0) fail_system(path, "cannot be opened", errno);
  int code = 0;
  do {
    code = ::flock(file_, LOCK_EX | (wait ? 0 : LOCK_NB));
  } while (code != 0 && errno == EINTR);
  if (code == 0) return;
  const int error = errno;
  ::close(file_);
  if (error == EWOULDBLOCK) {
    fail<SystemError>(
        "{}: another process is at work on this desk; try again, or wait for it with --wait",
        folder.path().string());
  }
  fail_system(path, "cannot be locked", error);
}

DeskLock::~DeskLock() {
  ::close(file_);
}

}  // namespace expunge::desk
