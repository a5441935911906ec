// What a ledger says.

#include <array>

#include "expunge/core/error.h"
#include "expunge/core/printable.h"
#include "expunge/desk/ledger.h"

namespace expunge::desk {
namespace {

constexpr std::array<std::pair<RequestState, const char*>, 4> kStates = {
    {{RequestState::pending, "pending"},
     {RequestState::processing, "processing"},
     {RequestState::processed, "processed"},
     {RequestState::withdrawn, "withdrawn"}}};

RequestState state_of(const std::string& text, const std::filesystem::path& path) {
  for (const auto& [state, name] : kStates) {
    if (text == name) return state;
  }
  fail<InputError>("{}: a request's state required, got \"{}\"", path.string(), printable(text));
}

}  // namespace

const char* name_of(RequestState state) {
  for (const auto& [known, name] : kStates) {
    if (known == state) return name;
  }
  return "?";
}

std::vector<int64_t> Ledger::list(const char* sql, int64_t value) const {
  Statement rows(database_, sql, value);
  std::vector<int64_t> numbers;
  while (rows.next()) numbers.push_back(rows.number(0));
  return numbers;
}

std::vector<int64_t> Ledger::examples_of_key(const std::string& key) const {
  if (!has_keys())
    fail<InputError>("a user's key: a desk with keys required; init takes them by --keys");
  Statement rows(database_,
                 "SELECT example FROM examples WHERE user_key = ? AND removed_in IS NULL ORDER BY "
                 "example",
                 key);
  std::vector<int64_t> found;
  while (rows.next()) found.push_back(rows.number(0));
  if (found.empty())
    fail<InputError>("a user's key: one with examples that are not removed required, got none");
  return found;
}

std::optional<std::string> Ledger::find_fact(const std::string& name) const {
  Statement row(database_, "SELECT value FROM facts WHERE name = ?", name);
  if (!row.next()) return std::nullopt;
  return row.text(0);
}

std::string Ledger::fact(const std::string& name) const {
  const auto found = find_fact(name);
  if (!found) fail<InputError>("{}: {} required, not there", database_.path().string(), name);
  return *found;
}

int64_t Ledger::examples() const {
  Statement row(database_, "SELECT count(*) FROM examples");
  row.next();
  return row.number(0);
}

bool Ledger::has_keys() const {
  return fact("keys") == "true";
}

std::vector<Request> Ledger::read_requests(const char* where, int64_t value) const {
  const auto sql = std::string(
                       "SELECT request, received, by_key, receipt, state, version, begun, "
                       "past_limit FROM requests ") +
                   where + " ORDER BY request";
  Statement rows(database_, sql.c_str(), value);
  std::vector<Request> found;
  while (rows.next()) {
    Request r;
    r.id = rows.number(0);
    r.received = rows.text(1);
    r.by_key = rows.number(2) != 0;
    r.receipt = rows.text(3);
    r.state = state_of(rows.text(4), database_.path());
    if (!rows.is_null(5)) r.version = rows.number(5);
    const bool taken_up = r.state == RequestState::processing || r.state == RequestState::processed;
    if (taken_up && !r.version)
      fail<InputError>("{}: request {}: the version that it is processed as required, not there",
                       database_.path().string(), r.id);
    r.begun = rows.text(6);
    r.past_limit = rows.number(7) != 0;
    r.examples =
        list("SELECT example FROM request_examples WHERE request = ? ORDER BY example", r.id);
    found.push_back(std::move(r));
  }
  return found;
}

Request Ledger::request(int64_t id) const {
  auto found = read_requests("WHERE request = ?", id);
  if (found.empty())
    fail<InputError>("request {}: one of this desk required, none of that number", id);
  return found.front();
}

std::vector<Request> Ledger::requests() const {
  return read_requests("WHERE ? = 0", 0);
}

std::optional<Request> Ledger::processing() const {
  auto found = read_requests("WHERE state = 'processing' AND ? = 0", 0);
  if (found.empty()) return std::nullopt;
  return found.front();
}

std::vector<Version> Ledger::versions() const {
  Statement rows(database_,
                 "SELECT version, created, model_sha256, certificate_sha256, forget_klom, "
                 "elsewhere_klom, erased FROM versions ORDER BY version");
  std::vector<Version> found;
  while (rows.next()) {
    found.push_back({rows.number(0), rows.text(1), rows.text(2), rows.text(3), rows.real(4),
                     rows.real(5), rows.text(6)});
  }
  if (found.empty())
    fail<InputError>("{}: version 0 required, not there", database_.path().string());
  return found;
}

Version Ledger::newest() const {
  return versions().back();
}

std::vector<int64_t> Ledger::removed_in(int64_t version) const {
  return list("SELECT example FROM examples WHERE removed_in = ? ORDER BY example", version);
}

std::vector<int64_t> Ledger::removed_up_to(int64_t version) const {
  return list("SELECT example FROM examples WHERE removed_in <= ? ORDER BY example", version);
}

std::vector<Event> Ledger::events() const {
  Statement rows(database_, "SELECT at, what, request, version FROM events ORDER BY event");
  std::vector<Event> found;
  while (rows.next()) {
    Event event{rows.text(0), rows.text(1), {}, {}};
    if (!rows.is_null(2)) event.request = rows.number(2);
    if (!rows.is_null(3)) event.version = rows.number(3);
    found.push_back(std::move(event));
  }
  return found;
}

std::vector<std::string> Ledger::faults() const {
  std::vector<std::string> found;
  Statement check(database_, "PRAGMA integrity_check");
  while (check.next()) {
    if (check.text(0) != "ok") found.push_back("ledger: " + printable(check.text(0), 200));
  }
  Statement keys(database_, "PRAGMA foreign_key_check");
  while (keys.next())
    found.push_back("ledger: a row of " + printable(keys.text(0)) + " refers to none");
  const auto all = versions();
  for (size_t k = 0; k < all.size(); ++k) {
    if (all[k].version != static_cast<int64_t>(k)) {
      found.push_back(fmt::format("ledger: version {} required, got {}", k, all[k].version));
      break;
    }
  }
  for (const auto& r : requests()) {
    if (r.state == RequestState::processed && *r.version > all.back().version)
      found.push_back(fmt::format("ledger: request {} was processed as version {}, not there", r.id,
                                  *r.version));
    for (const int64_t example : r.examples) {
      Statement row(database_, "SELECT removed_in FROM examples WHERE example = ?", example);
      const bool removed = row.next() && !row.is_null(0);
      if (r.state == RequestState::processed && (!removed || row.number(0) > *r.version)) {
        found.push_back(fmt::format(
            "ledger: request {} is processed, its example {} is not removed", r.id, example));
      }
    }
  }
  return found;
}

}  // namespace expunge::desk
