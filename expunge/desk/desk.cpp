#include "expunge/desk/desk.h"

#include <algorithm>
#include <array>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/toml_file.h"
#include "expunge/desk/certificate.h"
#include "expunge/desk/evidence.h"
#include "expunge/desk/signatures.h"

namespace expunge::desk {
namespace {

namespace fs = std::filesystem;

constexpr size_t kDeskIdBytes = 8;

DeskOptions read_options(const fs::path& path) {
  DeskOptions options;
  auto group = options_of(options);
  for (const auto& table : read_toml(path)) {
    if (table.name != "desk")
      fail<OptionError>("{}:{}: [desk] required, got [{}]", path.string(), table.line, table.name);
    apply(table, group, path.string());
  }
  options.validate();
  return options;
}

std::string fact_of(Part part) {
  constexpr std::array<const char*, 3> names = {"original", "older", "evidence"};
  return std::string("erased ") + names[static_cast<size_t>(part)];
}

// The key that is there already where an init was interrupted: certificates may be signed by it.
SigningKey signing_key(const DeskFolder& folder) {
  if (fs::exists(folder.signing_key())) return SigningKey::read(folder.signing_key());
  fs::create_directories(folder.signing_key().parent_path());
  auto key = SigningKey::generate();
  key.write(folder.signing_key());
  return key;
}

void remove_models(const DeskFolder& folder, int64_t first, int64_t end) {
  for (int64_t k = first; k < end; ++k) fs::remove(folder.model(k));
}

}  // namespace

Desk::Desk(const fs::path& folder, Access access)
    : folder_(folder), ledger_(folder_.ledger(), access == Access::write) {
  options_ = read_options(folder_.options());
  config_ = read_run_config(folder_.config());
}

void make_desk(const Experiment& experiment, const DeskOptions& options,
               const std::vector<std::string>& keys, const fs::path& path) {
  options.validate();
  const DeskFolder folder(path);
  if (Ledger::is_made(folder.ledger()))
    fail<InputError>("{}: a folder without a desk required, there is one already", path.string());
  const int64_t n = experiment.problem().n();
  if (!keys.empty() && std::ssize(keys) != n)
    fail<InputError>("keys: one for each of {} training examples required, got {}", n, keys.size());
  fs::create_directories(path);
  const DeskLock lock(folder, /*wait=*/false);
  folder.clean();
  const auto fitted = fit_evidence(experiment, options.model);
  write_evidence(experiment, fitted, folder);

  auto copy = options;
  write_file_atomically(folder.options(), to_toml_table(options_of(copy), /*comments=*/true));
  auto config = experiment.config();
  // What "auto" stood for: it must not come to stand for another one.
  config.attribution.estimator = fitted.attributor.carried ? Estimator::carried : Estimator::ridge;
  write_file_atomically(folder.config(), to_toml(config, /*comments=*/false));
  const auto original = experiment.open_store("full", "train").model(options.model);
  fs::create_directories(folder.version(0));
  write_model(folder.model(0), *original.network, original.metadata);
  const auto key = signing_key(folder);
  write_file_atomically(folder.public_key(), key.public_pem());
  const auto id = random_hex(kDeskIdBytes);
  const auto created = time_now();
  const auto digest = sha256_of_file(folder.model(0));
  const auto certificate =
      write_certificate(folder, 0,
                        opening_certificate(id, created, experiment.config(), options, n,
                                            experiment.problem().fingerprint, digest),
                        key);
  Ledger::make(folder.ledger(), n, keys,
               {{"id", id},
                {"name", experiment.config().name},
                {"keys", keys.empty() ? "false" : "true"},
                {"experiment", fs::absolute(experiment.folder()).string()}},
               {0, created, digest, certificate, 0, 0, created});
}

PartWords words_of(Part part) {
  switch (part) {
    case Part::original:
      return {
          "The original model (version 0): it was trained on everything that has been removed "
          "since.",
          "Without it the removals cannot be done again from the beginning."};
    case Part::older:
      return {
          "Every version of the model but the newest: each was trained on, or made from, examples "
          "that "
          "were removed later.",
          "Without them nobody can go back to, or inspect, an earlier version."};
    case Part::evidence:
      return {
          "What removals are predicted from: which examples each subset model saw, the outputs of "
          "subset and "
          "full models on the other examples, and the fitted effects. All come from models that "
          "were trained "
          "on removed examples.",
          "Without it no further request can be processed: the next one needs retraining and a new "
          "desk."};
  }
  return {};
}

void erase_part(Desk& desk, Part part, bool wait) {
  const auto& folder = desk.folder();
  const DeskLock lock(folder, wait);
  auto& ledger = desk.ledger();
  if (const auto open = ledger.processing()) {
    fail<InputError>(
        "request {}: is being processed as version {}; finish it first: expunge desk process",
        open->id, *open->version);
  }
  const int64_t newest = ledger.newest().version;
  if (part != Part::evidence && newest == 0)
    fail<InputError>("version 0: a newer version required to erase it, it is the newest one");
  // Said first: what is half erased is not to be used.
  if (!erased_since(desk, part, newest)) {
    ledger.set_fact(fact_of(part), time_now());
    ledger.note(std::string("erased for good: ") + fact_of(part).substr(7));
  }
  switch (part) {
    case Part::original:
      remove_models(folder, 0, 1);
      break;
    case Part::older:
      remove_models(folder, 0, newest);
      break;
    case Part::evidence:
      fs::remove_all(folder.evidence());
      break;
  }
}

std::optional<std::string> erased_since(const Desk& desk, Part part, int64_t version) {
  if (part == Part::older) {  // versions have come since
    for (int64_t k = 0; k < version; ++k) {
      if (fs::exists(desk.folder().model(k))) return std::nullopt;
    }
  }
  return desk.ledger().find_fact(fact_of(part));
}

Budget budget_of(const Desk& desk, const std::optional<Version>& next) {
  Budget budget{0, desk.options().budget, desk.options().hard_limit};
  auto versions = desk.ledger().versions();
  if (next) versions.push_back(*next);
  for (const auto& version : versions) budget.level = std::max(budget.level, version.forget_klom);
  budget.level = std::max(budget.level, versions.back().elsewhere_klom);
  return budget;
}

std::string recommendation(const Desk& desk, const Budget& budget) {
  if (erased_since(desk, Part::evidence, 0))
    return "What removals are predicted from was erased: further requests need retraining and a "
           "new desk.";
  if (budget.level > budget.hard_limit) {
    return "Past the hard limit: retrain. Train new subset and full models on what remains, and "
           "open a new desk "
           "with them.";
  }
  if (budget.level >= budget.budget) {
    return "Past the budget: plan to train new subset and full models on what remains, or to "
           "retrain this model; "
           "requests are still processed up to the hard limit.";
  }
  return "Within the budget: nothing to do.";
}

void export_desk(const Desk& desk, const fs::path& target) {
  if (fs::exists(target))
    fail<InputError>("{}: a new folder required, this one is there", target.string());
  const auto& from = desk.folder();
  const DeskLock lock(from, /*wait=*/true);
  // Beside its place, and put there as a whole.
  const auto unfinished = fs::path(target.string() + ".unfinished");
  fs::remove_all(unfinished);
  const DeskFolder to(unfinished);
  const int64_t newest = desk.ledger().newest().version;
  for (int64_t k = 0; k <= newest; ++k) {
    fs::create_directories(to.version(k));
    fs::copy_file(from.certificate(k), to.certificate(k));
    fs::copy_file(from.signature(k), to.signature(k));
    fs::copy_file(from.page(k), to.page(k));
    fs::copy_file(from.page_signature(k), to.page_signature(k));
  }
  fs::copy_file(from.model(newest), to.model(newest));
  fs::copy_file(from.public_key(), to.public_key());
  fs::rename(unfinished, target);
}

}  // namespace expunge::desk
