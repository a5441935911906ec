// Certificates: what was removed from a model, how, how well that is expected to have gone, and what is not promised.
//
//   DESK/versions/NNNN/certificate.json   what is signed, to the byte
//   DESK/versions/NNNN/certificate.sig    64 bytes, Ed25519
//   DESK/versions/NNNN/certificate.html   the same for reading, with certificate.html.sig
//
// Each names the SHA-256 of the one before and of the models before and after, so that none can be taken out,
// exchanged or changed. Examples are named by index and by the SHA-256 of the request's receipt, then the image's
// bytes, then the label as int64, little-endian: who has image and receipt can check that it was this one, nobody
// else can learn anything.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "expunge/data/dataset.h"
#include "expunge/desk/desk.h"
#include "expunge/desk/removal.h"
#include "expunge/desk/signatures.h"
#include "expunge/evaluate/membership.h"

namespace expunge::desk {

using Json = nlohmann::ordered_json;

inline constexpr const char* kCertificateFormat = "expunge certificate 1";

/// What a version's certificate is made from beside the desk itself.
struct RemovalRecord {
  Request request;
  RemovalSet set;
  std::vector<std::string> digests = {};  // of set.now
  KlomForecast forecast;
  UnlearnSummary work = {};
  double seconds = 0;
  double training_cost = 0;  // sample gradients
  MembershipAudit audit = {};
  int64_t subset_models = 0, full_models = 0;
  Budget budget;                                    // with this version
  std::string model_before = {}, model_after = {};  // SHA-256
};

/// Of one example of `data`, as above.
std::string example_digest(const Dataset& data, int64_t example, const std::string& receipt);

/// Of version 0. model_sha256: of its file.
Json opening_certificate(const std::string& desk_id, const std::string& created,
                         const RunConfig& config, const DeskOptions& options, int64_t examples,
                         const std::string& data_digest, const std::string& model_sha256);
Json removal_certificate(const Desk& desk, const RemovalRecord& record);

/// Writes the four files and returns the SHA-256 of the JSON.
std::string write_certificate(const DeskFolder& folder, int64_t version, const Json& certificate,
                              const SigningKey& key);

/// The page. `text`: a certificate's JSON; InputError, beginning with `where`, if it is none.
std::string render_certificate(const std::string& text, const std::string& where);

/// Parses and checks what every certificate has: format, version, model_sha256, previous. InputError.
struct CertificateLinks {
  int64_t version = 0;
  std::string desk, model_sha256, previous_certificate, previous_model;
};
CertificateLinks links_of(const std::string& text, const std::string& where);

}  // namespace expunge::desk
