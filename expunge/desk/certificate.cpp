#include "expunge/desk/certificate.h"

#include "expunge/core/atomic_file.h"
#include "expunge/core/environment.h"
#include "expunge/core/error.h"
#include "expunge/core/json_number.h"
#include "expunge/core/printable.h"
#include "expunge/pipeline/interval_json.h"

namespace expunge::desk {
namespace {

Json environment_json() {
  Json json;
  for (const auto& [name, value] : describe_environment()) json[name] = value;
  return json;
}

Json head(const std::string& desk_id, int64_t version, const std::string& created,
          const std::string& model_sha256) {
  return {{"format", kCertificateFormat},
          {"desk", desk_id},
          {"version", version},
          {"created", created},
          {"model_sha256", model_sha256}};
}

const char* estimator_name(Estimator estimator) {
  return estimator == Estimator::carried
             ? "subset datamodels by ridge regression, effects on other points carried over by the "
               "networks' tangent kernel"
             : "subset datamodels by ridge regression";
}

// Plain words, the same under every certificate: what a reader must not take it for.
Json not_promised() {
  // clang-format off
  // NOLINTBEGIN(bugprone-suspicious-missing-comma)
  return {
      "This is a prediction with a margin of error, not a proof: no model was trained from the beginning "
      "without the removed examples to compare with.",
      "The predicted distance is about the method, over many models of this kind. "
      "It does not bound what one question put to this one model may still reveal.",
      "Copies of the data, of earlier models, and of whatever was derived from them outside of this desk, "
      "the experiment's folder and backups among them, are not touched by it. "
      "Storage may keep overwritten bytes for a time.",
      "The model's preparation of its inputs (a mean and a deviation a colour channel) was computed once "
      "from all of the original examples and is kept.",
      "The certificate says what the holder of the signing key states. "
      "It does not show that the holder kept to it."};
  // NOLINTEND(bugprone-suspicious-missing-comma)
  // clang-format on
}

Json still_carrying(const Desk& desk, int64_t version) {
  Json list = Json::array();
  for (const Part part : {Part::original, Part::older, Part::evidence}) {
    const auto words = words_of(part);
    Json entry = {{"what", words.what}};
    if (const auto since = erased_since(desk, part, version)) {
      entry["erased"] = *since;
    } else {
      entry["without_it"] = words.without;
    }
    list.push_back(std::move(entry));
  }
  list.push_back(
      {{"what",
        "Subset models' weights: this desk never had them; where the experiment kept them, "
        "they carry what was deleted."},
       {"without_it",
        "Nothing is lost for this desk: erase the experiment's folder when the desk is made."}});
  return list;
}

Json prediction_json(const Desk& desk, const RemovalRecord& record) {
  const auto& f = record.forecast;
  Json json = {
      {"what",
       "95th percentile over points of KLoM (KL divergence, in nats, between the margins of models "
       "unlearned in this way and of models trained without all removed examples); two sets of "
       "models "
       "trained alike are at about 0.7 where there are 100 of each"},
      {"interval", 0.95},
      {"unlearned_models", record.full_models},
      {"oracles", desk.options().oracles},
      {"subset_models", record.subset_models},
      {"removed_now", interval_json(f.forget)},
      {"retained", interval_json(f.retain)},
      {"validation", interval_json(f.validation)}};
  json["margin_error"] = {{"what",
                           "root mean square over points of the error of mean margins that is "
                           "left, in standard deviations "
                           "of a margin between models"},
                          {"removed_now", interval_json(f.forget_error)},
                          {"retained", interval_json(f.retain_error)},
                          {"validation", interval_json(f.validation_error)}};
  json["multiplier"] = interval_json(f.multiplier);
  json["warnings"] = f.warnings;
  json["calibration"] =
      "Told from subset models, each of which went without a part of the examples, and full "
      "models; no model without the removed examples was trained for it. The intervals are "
      "computed to hold in 95 of 100 cases. Held against such models in two tests of 20 "
      "requests each that had no part in how it is computed (docs/results/desk.md of the "
      "software): of 72 predictions for removed examples, KLoM lay within the interval in 66 "
      "and above it in none, the error of margins within it in 67 and above it in 1; of 16 for "
      "retained and validation points, both lay within in all. On other data it may be "
      "otherwise.";
  return json;
}

}  // namespace

std::string example_digest(const Dataset& data, int64_t example, const std::string& receipt) {
  const auto image = data.images[example].contiguous();
  std::string bytes = receipt;
  bytes.append(static_cast<const char*>(image.data_ptr()),
               static_cast<size_t>(image.numel()) * image.element_size());
  const auto label = static_cast<uint64_t>(data.labels[example].item<int64_t>());
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(label >> shift & 0xff);
  return sha256_of(bytes);
}

Json opening_certificate(const std::string& desk_id, const std::string& created,
                         const RunConfig& config, const DeskOptions& options, int64_t examples,
                         const std::string& data_digest, const std::string& model_sha256) {
  auto json = head(desk_id, 0, created, model_sha256);
  json["previous"] = nullptr;
  json["examples"] = examples;
  json["data"] = data_digest;
  json["experiment"] = config.name;
  auto copy = config;
  auto desk = options;
  json["options"] = {{"desk", settings_of(options_of(desk))},
                     {"recipe", settings_of(options_of(copy.recipe))},
                     {"ensembles", settings_of(options_of(copy.ensembles))}};
  json["software"] = environment_json();
  json["not_promised"] = {
      "Nothing has been removed from this model. It is where the chain of certificates begins."};
  return json;
}

Json removal_certificate(const Desk& desk, const RemovalRecord& r) {
  const auto& ledger = desk.ledger();
  const int64_t version = *r.request.version;
  auto json = head(ledger.fact("id"), version, r.request.begun, r.model_after);
  json["previous"] = {
      {"version", version - 1},
      {"certificate_sha256", sha256_of_file(desk.folder().certificate(version - 1))},
      {"model_sha256", r.model_before}};
  json["request"] = {{"number", r.request.id},
                     {"received", r.request.received},
                     {"named_by", r.request.by_key ? "a user's key" : "index"},
                     {"examples", r.request.examples.size()},
                     {"removed_earlier", r.request.examples.size() - r.set.now.size()}};
  Json removed = Json::array();
  for (size_t k = 0; k < r.set.now.size(); ++k)
    removed.push_back({{"example", r.set.now[k]}, {"digest", r.digests[k]}});
  json["removed"] = std::move(removed);
  json["removed_in_all"] = r.set.before.size() + r.set.now.size();
  json["remaining"] = ledger.examples() - std::ssize(r.set.before) - std::ssize(r.set.now);

  auto config = desk.config();
  auto options = desk.options();
  auto matching = settings_of(options_of(config.matching));
  matching.erase("retain_targets");  // the desk's `hold` decides
  json["method"] = {{"name", "Datamodel Matching (arXiv 2410.23232)"},
                    {"prediction", estimator_name(config.attribution.estimator)},
                    {"predicted_for", "all removed examples together"},
                    {"started_from", fmt::format("version {}", version - 1)},
                    {"read",
                     "the examples of this request before their erasure, and retained ones; none "
                     "of those removed "
                     "earlier"},
                    {"multiplier", config.evaluation.multiplier},
                    {"matching", matching},
                    {"attribution", settings_of(options_of(config.attribution))},
                    {"desk", settings_of(options_of(options))},
                    {"seed", fmt::format("role \"desk version\", index {}", version)},
                    {"logit_error_before", json_number(r.work.forget_error_before)},
                    {"logit_error_after", json_number(r.work.forget_error_after)}};
  json["cost"] = {{"sample_gradients", r.work.sample_gradients},
                  {"share_of_training", json_number(r.work.sample_gradients / r.training_cost)},
                  {"seconds", r.seconds}};
  json["software"] = environment_json();
  json["prediction"] = prediction_json(desk, r);
  json["audit"] = {
      {"what",
       "likelihood-ratio attack on membership, subset models as shadow models: share of this "
       "request's examples that it says the model was trained on"},
      {"examples", r.audit.examples},
      {"before", json_number(r.audit.before)},
      {"after", json_number(r.audit.after)},
      {"models_without_them", json_number(r.audit.left_out)},
      {"models_with_them", json_number(r.audit.seen)}};
  json["budget"] = {{"level", json_number(r.budget.level)},
                    {"budget", r.budget.budget},
                    {"hard_limit", r.budget.hard_limit},
                    {"past_limit_by_order", r.request.past_limit}};
  json["erasure"] =
      "Image, label and all models' recorded outputs of these examples are overwritten with 0 as "
      "soon as "
      "this certificate is recorded; the desk's check confirms it. Kept, because later removals "
      "are "
      "predicted from them: which subset models saw an example, its estimated effect on itself (a "
      "number a "
      "class), and its row and column of the tangent kernel where there is one.";
  json["still_carrying"] = still_carrying(desk, version);
  json["not_promised"] = not_promised();
  return json;
}

std::string write_certificate(const DeskFolder& folder, int64_t version, const Json& certificate,
                              const SigningKey& key) {
  const auto text =
      certificate.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  std::filesystem::create_directories(folder.version(version));
  write_file_atomically(folder.certificate(version), text);
  write_file_atomically(folder.signature(version), key.sign(text));
  const auto page = render_certificate(text, folder.certificate(version).string());
  write_file_atomically(folder.page(version), page);
  write_file_atomically(folder.page_signature(version), key.sign(page));
  return sha256_of(text);
}

CertificateLinks links_of(const std::string& text, const std::string& where) {
  try {
    const auto json = Json::parse(text);
    const auto format = json.at("format").get<std::string>();
    if (format != kCertificateFormat)
      fail<InputError>("{}: format \"{}\" required, got \"{}\"", where, kCertificateFormat,
                       printable(format));
    CertificateLinks links{whole_number(json.at("version")), json.at("desk").get<std::string>(),
                           json.at("model_sha256").get<std::string>(), "", ""};
    const auto& previous = json.at("previous");
    if (!previous.is_null()) {
      links.previous_certificate = previous.at("certificate_sha256").get<std::string>();
      links.previous_model = previous.at("model_sha256").get<std::string>();
    }
    return links;
  } catch (const nlohmann::json::exception&) {
    fail<InputError>("{}: a certificate required, this is none", where);
  }
}

}  // namespace expunge::desk
