#include "expunge/desk/verify.h"

#include <algorithm>
#include <optional>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/desk/certificate.h"
#include "expunge/desk/evidence.h"

namespace expunge::desk {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMostCertificate = 64 << 20;  // bytes: a million examples
constexpr uintmax_t kMostKey = 16384;

std::string small_file(const fs::path& path, uintmax_t most) {
  if (!fs::is_regular_file(path)) fail<InputError>("{}: a file required, not there", path.string());
  if (fs::file_size(path) > most)
    fail<InputError>("{}: at most {} bytes required, got {}", path.string(), most,
                     fs::file_size(path));
  return read_file(path);
}

// Certificates from version 0 on, until there is none.
class ChainCheck {
 public:
  ChainCheck(const DeskFolder& folder, std::string public_pem, std::string key_name)
      : folder_(folder), public_pem_(std::move(public_pem)), key_name_(std::move(key_name)) {}

  // SHA-256 of each certificate and what it says.
  struct Link {
    std::string sha256;
    CertificateLinks says;
  };

  std::vector<Link> run(int64_t versions, Verification& result) {
    std::vector<Link> chain;
    for (int64_t k = 0; k < versions; ++k) {
      const auto path = folder_.certificate(k);
      try {
        const auto text = small_file(path, kMostCertificate);
        if (!is_signed(text, small_file(folder_.signature(k), kMostKey), public_pem_, key_name_))
          result.faults.push_back(
              fmt::format("version {}: the signature is not that of the certificate", k));
        Link link{sha256_of(text), links_of(text, path.string())};
        if (link.says.version != k)
          result.faults.push_back(
              fmt::format("version {}: the certificate says version {}", k, link.says.version));
        check_previous(k, chain, link.says, result);
        check_page(k, result);
        chain.push_back(std::move(link));
      } catch (const Error& error) {
        result.faults.emplace_back(error.what());
        return chain;
      }
      check_model(k, chain.back().says, result);
    }
    return chain;
  }

 private:
  static void check_previous(int64_t k, const std::vector<Link>& chain,
                             const CertificateLinks& says, Verification& result) {
    const std::string certificate = chain.empty() ? "" : chain.back().sha256;
    const std::string model = chain.empty() ? "" : chain.back().says.model_sha256;
    if (says.previous_certificate != certificate)
      result.faults.push_back(
          fmt::format("version {}: follows another certificate than the one before it", k));
    if (says.previous_model != model)
      result.faults.push_back(
          fmt::format("version {}: follows another model than the one before it", k));
    if (!chain.empty() && says.desk != chain.back().says.desk)
      result.faults.push_back(fmt::format("version {}: is of another desk", k));
  }

  void check_page(int64_t k, Verification& result) {
    const auto page = small_file(folder_.page(k), kMostCertificate);
    if (!is_signed(page, small_file(folder_.page_signature(k), kMostKey), public_pem_, key_name_))
      result.faults.push_back(fmt::format("version {}: the signature is not that of the page", k));
  }

  void check_model(int64_t k, const CertificateLinks& says, Verification& result) {
    if (!fs::exists(folder_.model(k))) return;
    if (sha256_of_file(folder_.model(k)) == says.model_sha256) {
      ++result.models;
    } else {
      result.faults.push_back(fmt::format("version {}: the model is not the certificate's", k));
    }
  }

  const DeskFolder& folder_;
  std::string public_pem_, key_name_;
};

// Of what was exported: as many as there are folders, so that a gap is seen.
int64_t count_versions(const DeskFolder& folder) {
  const auto entries = fs::directory_iterator(folder.path() / "versions");
  return std::count_if(begin(entries), end(entries),
                       [](const auto& entry) { return entry.is_directory(); });
}

void check_ledger(const DeskFolder& folder, const std::vector<ChainCheck::Link>& chain,
                  std::vector<std::string>& faults) {
  const Desk desk(folder.path(), Desk::Access::read);
  const auto& ledger = desk.ledger();
  const auto more = ledger.faults();
  faults.insert(faults.end(), more.begin(), more.end());
  const auto versions = ledger.versions();
  for (const auto& version : versions) {
    const auto k = static_cast<size_t>(version.version);
    if (k >= chain.size()) {
      faults.push_back(fmt::format("version {}: in the ledger, its certificate is not there", k));
    } else if (chain[k].sha256 != version.certificate_sha256 ||
               chain[k].says.model_sha256 != version.model_sha256) {
      faults.push_back(fmt::format("version {}: the ledger knows another certificate or model", k));
    }
    if (version.erased.empty()) continue;
    if (const auto left = find_unerased(folder, ledger.removed_in(version.version)))
      faults.push_back(fmt::format("version {}: data of its example {} are still there", k, *left));
  }
  if (!chain.empty() && chain.front().says.desk != ledger.fact("id"))
    faults.emplace_back("the certificates are of another desk than the ledger");
  if (!fs::exists(folder.model(versions.back().version)))
    faults.push_back(
        fmt::format("version {}: the newest model is not there", versions.back().version));
}

}  // namespace

Verification verify_folder(const fs::path& path, const fs::path& public_key) {
  const DeskFolder folder(path);
  if (!fs::exists(folder.certificate(0))) {
    fail<InputError>(
        "{}: a desk or what was exported from one required, no certificate of version 0 there",
        path.string());
  }
  const auto key = public_key.empty() ? folder.public_key() : public_key;
  const auto pem = small_file(key, kMostKey);
  Verification result;
  result.public_key_sha256 = sha256_of(pem);
  result.with_ledger = fs::exists(folder.ledger());
  // Files of a version that is being made are no part of the chain yet.
  const int64_t versions = result.with_ledger
                               ? Ledger(folder.ledger(), /*write=*/false).newest().version + 1
                               : count_versions(folder);
  const auto chain = ChainCheck(folder, pem, key.string()).run(versions, result);
  if (result.with_ledger) check_ledger(folder, chain, result.faults);
  result.versions = std::ssize(chain);
  if (!chain.empty()) result.newest_certificate = chain.back().sha256;
  return result;
}

}  // namespace expunge::desk
