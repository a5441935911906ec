// Where a desk keeps what (docs/desk.md explains each), and the lock that one process at a time works under.
//
//   desk.toml, config.toml      the desk's options, and the configuration of the experiment it was made from
//   ledger.sqlite               requests and versions (ledger.h)
//   data/                       the examples as .npy pairs; removed ones are overwritten with 0
//   evidence/                   what removals are predicted from (evidence.h)
//   keys/signing.pem, public.pem
//   versions/NNNN/              model.safetensors, certificate.json, .sig, .html, .html.sig, effects.json
//   lock
#pragma once

#include <filesystem>

namespace expunge::desk {

class DeskFolder {
 public:
  explicit DeskFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  [[nodiscard]] const std::filesystem::path& path() const { return folder_; }
  [[nodiscard]] std::filesystem::path options() const { return folder_ / "desk.toml"; }
  [[nodiscard]] std::filesystem::path config() const { return folder_ / "config.toml"; }
  [[nodiscard]] std::filesystem::path ledger() const { return folder_ / "ledger.sqlite"; }
  [[nodiscard]] std::filesystem::path data() const { return folder_ / "data"; }
  [[nodiscard]] std::filesystem::path evidence() const { return folder_ / "evidence"; }
  [[nodiscard]] std::filesystem::path signing_key() const { return folder_ / "keys/signing.pem"; }
  [[nodiscard]] std::filesystem::path public_key() const { return folder_ / "public.pem"; }
  [[nodiscard]] std::filesystem::path version(int64_t version) const;
  [[nodiscard]] std::filesystem::path model(int64_t version) const;
  [[nodiscard]] std::filesystem::path certificate(int64_t version) const;
  [[nodiscard]] std::filesystem::path signature(int64_t version) const;
  [[nodiscard]] std::filesystem::path page(int64_t version) const;
  [[nodiscard]] std::filesystem::path page_signature(int64_t version) const;
  [[nodiscard]] std::filesystem::path effects(int64_t version) const;
  /// Removes temporary files that killed processes left. For whoever holds the lock.
  void clean() const;

 private:
  std::filesystem::path folder_;
};

/// Held by whoever changes anything but the ledger; given up with the process, however it ends.
class DeskLock {
 public:
  /// Waits where told to; else SystemError says that another process is at work.
  DeskLock(const DeskFolder& folder, bool wait);
  ~DeskLock();
  DeskLock(const DeskLock&) = delete;
  DeskLock& operator=(const DeskLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace expunge::desk
