// Checking a desk, or what was exported from one: signatures, the chain, the models, the ledger, the erasure.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace expunge::desk {

struct Verification {
  int64_t versions = 0;           // certificates that were checked
  int64_t models = 0;             // models that are there and are what their certificates say
  bool with_ledger = false;       // the folder has one, and it agrees
  std::string public_key_sha256;  // of the PEM
  std::string
      newest_certificate;  // SHA-256: whoever keeps it can tell later whether the end was cut off
  std::vector<std::string> faults;  // a line each; empty where all is well
};

/// `public_key`: a PEM file that is trusted; empty for the folder's own, which shows that the parts belong
/// together and not whose they are. InputError if there is nothing that could be checked.
Verification verify_folder(const std::filesystem::path& folder,
                           const std::filesystem::path& public_key = {});

}  // namespace expunge::desk
