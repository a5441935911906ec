#include "expunge/desk/process.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/data/npy_pair.h"
#include "expunge/desk/certificate.h"
#include "expunge/evaluate/margins.h"
#include "expunge/train/model_file.h"

namespace expunge::desk {
namespace {

// What the last forecast said of all removals so far.
EarlierRemovals read_effects(const DeskFolder& folder, int64_t version) {
  if (version == 0) return {};
  const auto path = folder.effects(version);
  try {
    const auto json = Json::parse(read_file(path));
    EarlierRemovals earlier;
    earlier.validation_coupling = json.at("validation").get<std::vector<double>>();
    earlier.retain_coupling = json.at("retain").get<std::vector<double>>();
    return earlier;
  } catch (const nlohmann::json::exception&) {
    fail<InputError>("{}: effects of removals on classes required, this is something else",
                     path.string());
  }
}

void write_effects(const DeskFolder& folder, int64_t version, const ForecastParameters& p) {
  const Json json = {{"validation", p.validation_coupling}, {"retain", p.retain_coupling}};
  write_file_atomically(folder.effects(version), json.dump() + "\n");
}

// Steps 5 and 6 of whatever version lacks them.
void finish_erasure(Desk& desk) {
  for (const auto& version : desk.ledger().versions()) {
    if (!version.erased.empty()) continue;
    const auto examples = desk.ledger().removed_in(version.version);
    erase_examples(desk.folder(), examples);
    desk.ledger().record_erasure(version.version);
  }
}

Model read_newest(const Desk& desk, const Version& newest) {
  const auto path = desk.folder().model(newest.version);
  if (sha256_of_file(path) != newest.model_sha256) {
    fail<InputError>("{}: the model that the ledger knows required, it has been changed",
                     path.string());
  }
  return read_model(path);
}

RemovalSet removal_of(const Ledger& ledger, const Request& request, int64_t newest) {
  RemovalSet set{ledger.removed_up_to(newest), {}};
  std::set_difference(request.examples.begin(), request.examples.end(), set.before.begin(),
                      set.before.end(), std::back_inserter(set.now));
  return set;
}

void check_level(const Request& request, const Budget& budget, bool past_limit) {
  if (budget.level <= budget.hard_limit || past_limit) return;
  fail<InputError>(
      "request {}: predicted error (KLoM) of at most {} nats required, got {:.2f}; retrain and "
      "open a new desk, or "
      "process it all the same with --past-limit",
      request.id, budget.hard_limit, budget.level);
}

Budget budget_with(const Desk& desk, const KlomForecast& forecast) {
  return budget_of(desk, Version{.forget_klom = forecast.forget.median,
                                 .elsewhere_klom =
                                     std::max(forecast.retain.median, forecast.validation.median)});
}

// What one request takes: a prediction, then everything between the ledger's word that it is processing and its word that
// it is processed.
class Step {
 public:
  Step(Desk& desk, const ProcessOptions& options)
      : desk_(desk),
        options_(options),
        newest_(desk.ledger().newest()),
        before_(read_newest(desk, newest_)),
        data_(read_npy_pairs(desk.folder().data())),
        evidence_(read_evidence(desk.folder())),
        attributor_(read_attributor(desk.folder(), evidence_, desk.config().attribution,
                                    options.workers)) {}

  KlomForecast predict(const RemovalSet& set) {
    const auto n = desk_.ledger().examples();
    if (std::ssize(set.before) + std::ssize(set.now) >= n)
      fail<InputError>("a request: one that leaves an example required, this removes all of them");
    live_ = live_problem(data_, before_.normalisation, set.before);
    shift_ = attributor_.shift(set.all()) * desk_.config().evaluation.multiplier;
    return forecast_removal(evidence_, attributor_, live_, set, shift_,
                            read_effects(desk_.folder(), newest_.version), desk_.options().removal,
                            {0, desk_.options().oracles}, desk_.config().evaluation.klom,
                            options_.workers);
  }

  // Steps 3 and 4.
  UnlearnSummary finish(const Request& request, const RemovalSet& set, const KlomForecast& forecast,
                        const Budget& budget) {
    const auto start = std::chrono::steady_clock::now();
    const int64_t version = *request.version;
    const auto& folder = desk_.folder();
    RemovalRecord record{.request = request, .set = set, .forecast = forecast, .budget = budget};
    const auto margins_before = margins_of_model();
    record.work = match_removal(*before_.network, live_, set.now, evidence_.original_logits, shift_,
                                desk_.config().matching, desk_.options().removal.hold,
                                derive_seed(static_cast<uint64_t>(desk_.options().removal.seed),
                                            "desk version", static_cast<uint64_t>(version)));
    const auto places = live_.places(set.now);
    record.audit = audit_membership(
        live_.rows_of(evidence_.masks, 1),
        margins(live_.rows_of(evidence_.subset_logits, 1), live_.problem.labels, options_.workers),
        margins_before, margins_of_model(), places);
    auto notes = before_.metadata;
    notes["expunge.version"] = to_toml(version);
    notes["expunge.sample_gradients"] = to_toml(record.work.sample_gradients);
    std::filesystem::create_directories(folder.version(version));
    write_model(folder.model(version), *before_.network, notes);
    write_effects(folder, version, forecast.parameters);
    for (const int64_t example : set.now)
      record.digests.push_back(example_digest(data_.train, example, request.receipt));
    record.subset_models = evidence_.masks.size(0);
    record.full_models = evidence_.full_logits.size(0);
    record.training_cost =
        static_cast<double>(desk_.ledger().examples() * desk_.config().recipe.epochs);
    record.model_before = newest_.model_sha256;
    record.model_after = sha256_of_file(folder.model(version));
    record.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto certificate = write_certificate(folder, version, removal_certificate(desk_, record),
                                               SigningKey::read(folder.signing_key()));
    desk_.ledger().record(
        {version, request.begun, record.model_after, certificate, forecast.forget.median,
         std::max(forecast.retain.median, forecast.validation.median), ""},
        set.now);
    return record.work;
  }

 private:
  // (m') of the live points.
  torch::Tensor margins_of_model() {
    const auto dtype = before_.network->parameters().scalar_type();
    const auto logits = evaluate_logits(*before_.network, live_.problem.inputs.to(dtype));
    return margins(logits.to(torch::kFloat32), live_.problem.labels, options_.workers);
  }

  Desk& desk_;
  const ProcessOptions& options_;
  Version newest_;
  Model before_;
  DataSplit data_;
  Evidence evidence_;
  FrozenAttributor attributor_;
  LiveProblem live_;
  torch::Tensor shift_;
};

std::optional<Request> oldest_pending(const Ledger& ledger) {
  for (auto& request : ledger.requests()) {
    if (request.state == RequestState::pending) return request;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProcessedRequest> process_next(Desk& desk, const ProcessOptions& options) {
  const DeskLock lock(desk.folder(), options.wait);
  desk.folder().clean();
  auto& ledger = desk.ledger();
  finish_erasure(desk);
  while (true) {
    auto request = ledger.processing();
    const bool begun = request.has_value();
    if (!begun) request = oldest_pending(ledger);
    if (!request) return std::nullopt;
    const auto newest = ledger.newest().version;
    const auto set = removal_of(ledger, *request, newest);
    if (set.now.empty()) {
      ledger.close_empty(request->id);
      return ProcessedRequest{.request = request->id, .budget = budget_of(desk)};
    }
    if (const auto since = erased_since(desk, Part::evidence, newest)) {
      fail<InputError>(
          "request {}: what removals are predicted from required, it was erased on {}; retrain and "
          "open a new desk",
          request->id, *since);
    }
    Step step(desk, options);
    const auto forecast = step.predict(set);
    const auto budget = budget_with(desk, forecast);
    if (!begun) {
      check_level(*request, budget, options.past_limit);
      request = ledger.begin(request->id, options.past_limit);
      if (!request) continue;  // withdrawn meanwhile
    }
    ProcessedRequest done{.request = request->id,
                          .version = request->version,
                          .removed = std::ssize(set.now),
                          .forecast = forecast,
                          .budget = budget};
    done.work = step.finish(*request, set, forecast, budget);
    finish_erasure(desk);
    return done;
  }
}

}  // namespace expunge::desk
