#include "expunge/desk/ledger.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include "expunge/core/error.h"

namespace expunge::desk {
namespace {

constexpr int64_t kApplication = 0x45787047;  // "ExpG"
constexpr int64_t kFormat = 1;

constexpr std::array<std::pair<RequestState, const char*>, 4> kStates = {
    {{RequestState::pending, "pending"},
     {RequestState::processing, "processing"},
     {RequestState::processed, "processed"},
     {RequestState::withdrawn, "withdrawn"}}};

// What a ledger must be is written into its tables, so that no program can leave anything else.
constexpr const char* kSchema = R"sql(
CREATE TABLE facts(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE versions(
  version INTEGER PRIMARY KEY CHECK (version >= 0),
  created TEXT NOT NULL,
  model_sha256 TEXT NOT NULL CHECK (length(model_sha256) = 64),
  certificate_sha256 TEXT NOT NULL UNIQUE CHECK (length(certificate_sha256) = 64),
  forget_klom REAL NOT NULL,
  elsewhere_klom REAL NOT NULL,
  erased TEXT) STRICT;
CREATE TABLE examples(
  example INTEGER PRIMARY KEY CHECK (example >= 0),
  user_key TEXT,
  removed_in INTEGER REFERENCES versions(version) CHECK (removed_in > 0)) STRICT;
CREATE INDEX examples_by_key ON examples(user_key) WHERE user_key IS NOT NULL;
CREATE INDEX examples_by_version ON examples(removed_in) WHERE removed_in IS NOT NULL;
CREATE TABLE requests(
  request INTEGER PRIMARY KEY AUTOINCREMENT,
  received TEXT NOT NULL,
  by_key INTEGER NOT NULL CHECK (by_key IN (0, 1)),
  receipt TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('pending', 'processing', 'processed', 'withdrawn')),
  version INTEGER,
  begun TEXT,
  past_limit INTEGER NOT NULL DEFAULT 0 CHECK (past_limit IN (0, 1)),
  CHECK ((state IN ('processing', 'processed')) = (version IS NOT NULL))) STRICT;
CREATE UNIQUE INDEX one_at_a_time ON requests(state) WHERE state = 'processing';
CREATE TABLE request_examples(
  request INTEGER NOT NULL REFERENCES requests(request),
  example INTEGER NOT NULL REFERENCES examples(example),
  PRIMARY KEY (request, example)) STRICT, WITHOUT ROWID;
CREATE TABLE events(
  event INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  what TEXT NOT NULL,
  request INTEGER REFERENCES requests(request),
  version INTEGER) STRICT;
)sql";

RequestState state_of(const std::string& text, const std::filesystem::path& path) {
  for (const auto& [state, name] : kStates) {
    if (text == name) return state;
  }
  fail<InputError>("{}: a request's state required, got \"{}\"", path.string(), text);
}

void add_version(Database& database, const Version& v) {
  Statement(database,
            "INSERT INTO versions(version, created, model_sha256, certificate_sha256, forget_klom, "
            "elsewhere_klom, erased) VALUES (?, ?, ?, ?, ?, ?, ?)",
            v.version, v.created, v.model_sha256, v.certificate_sha256, v.forget_klom,
            v.elsewhere_klom, v.erased.empty() ? std::nullopt : std::optional(v.erased))
      .run();
}

}  // namespace

const char* name_of(RequestState state) {
  for (const auto& [known, name] : kStates) {
    if (known == state) return name;
  }
  return "?";
}

std::string time_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text.data(), size};
}

void Ledger::make(const std::filesystem::path& path, int64_t examples,
                  const std::vector<std::string>& keys,
                  const std::map<std::string, std::string>& facts, const Version& first) {
  if (!keys.empty() && std::ssize(keys) != examples)
    fail<InputError>("keys: one for each of {} examples required, got {}", examples, keys.size());
  Database database(path, Database::Mode::make);
  Transaction all(database);
  database.run(kSchema);
  database.run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};", kApplication,
                           kFormat));
  for (const auto& [name, value] : facts)
    Statement(database, "INSERT INTO facts VALUES (?, ?)", name, value).run();
  add_version(database, first);
  for (int64_t i = 0; i < examples; ++i) {
    std::optional<std::string> key;
    if (!keys.empty() && !keys[static_cast<size_t>(i)].empty()) key = keys[static_cast<size_t>(i)];
    Statement(database, "INSERT INTO examples(example, user_key) VALUES (?, ?)", i, key).run();
  }
  Statement(database, "INSERT INTO events(at, what, version) VALUES (?, 'desk opened', 0)",
            time_now())
      .run();
  all.commit();
}

bool Ledger::is_made(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return false;
  const Database database(path, Database::Mode::open);
  Statement format(database, "PRAGMA application_id");
  return format.next() && format.number(0) == kApplication;
}

Ledger::Ledger(const std::filesystem::path& path, bool write)
    : database_([&] {
        if (!std::filesystem::exists(path)) {
          fail<InputError>("{}: a desk's ledger required, not there; begin one with: expunge desk init",
                           path.string());
        }
        return Database(path, write ? Database::Mode::open : Database::Mode::read);
      }()) {
  Statement application(database_, "PRAGMA application_id");
  Statement format(database_, "PRAGMA user_version");
  if (!application.next() || application.number(0) != kApplication)
    fail<InputError>("{}: a desk's ledger required, this is another database", path.string());
  if (!format.next() || format.number(0) != kFormat)
    fail<InputError>("{}: format version {} required, got {}", path.string(), kFormat,
                     format.number(0));
}

void Ledger::add_event(const std::string& what, std::optional<int64_t> request,
                       std::optional<int64_t> version) {
  Statement(database_, "INSERT INTO events(at, what, request, version) VALUES (?, ?, ?, ?)",
            time_now(), what, request, version)
      .run();
}

std::vector<int64_t> Ledger::list(const char* sql, int64_t value) const {
  Statement rows(database_, sql, value);
  std::vector<int64_t> numbers;
  while (rows.next()) numbers.push_back(rows.number(0));
  return numbers;
}

Request Ledger::ask(std::span<const int64_t> examples, bool by_key, const std::string& receipt) {
  std::vector<int64_t> wanted(examples.begin(), examples.end());
  std::sort(wanted.begin(), wanted.end());
  if (wanted.empty()) fail<InputError>("a request: at least one example required, got none");
  if (const auto twice = std::adjacent_find(wanted.begin(), wanted.end()); twice != wanted.end())
    fail<InputError>("a request: each example once required, got {} twice", *twice);
  Transaction step(database_);
  Statement there(database_, "SELECT request FROM requests WHERE receipt = ?", receipt);
  if (there.next()) {
    auto same = request(there.number(0));
    if (same.examples != wanted) {
      fail<InputError>("receipt {}: a new one required, request {} has it for other examples",
                       receipt, same.id);
    }
    return same;
  }
  for (const int64_t example : wanted) {
    Statement known(database_, "SELECT removed_in FROM examples WHERE example = ?", example);
    if (!known.next())
      fail<InputError>("a request: examples from 0 to {} required, got {}", this->examples() - 1,
                       example);
    if (!known.is_null(0)) {
      fail<InputError>("a request: example {} was removed in version {} already", example,
                       known.number(0));
    }
  }
  Statement(database_,
            "INSERT INTO requests(received, by_key, receipt, state) VALUES (?, ?, ?, 'pending')",
            time_now(), static_cast<int64_t>(by_key), receipt)
      .run();
  const int64_t id = database_.last_id();
  for (const int64_t example : wanted)
    Statement(database_, "INSERT INTO request_examples VALUES (?, ?)", id, example).run();
  add_event("request received", id, {});
  auto made = request(id);
  step.commit();
  return made;
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

void Ledger::withdraw(int64_t id) {
  Transaction step(database_);
  const auto found = request(id);
  if (found.state != RequestState::pending) {
    fail<InputError>("request {}: a pending one required to withdraw it, it is {}{}", id,
                     name_of(found.state),
                     found.version ? fmt::format(" as version {}", *found.version) : "");
  }
  Statement(database_, "UPDATE requests SET state = 'withdrawn' WHERE request = ?", id).run();
  add_event("request withdrawn", id, {});
  step.commit();
}

std::optional<Request> Ledger::begin(int64_t id, bool past_limit) {
  Transaction step(database_);
  const auto found = request(id);
  if (found.state == RequestState::withdrawn) return std::nullopt;
  if (found.state != RequestState::pending)
    fail<InputError>("request {}: a pending one required, it is {}", id, name_of(found.state));
  if (const auto other = processing())
    fail<InputError>("request {}: request {} is processing, one at a time required", id, other->id);
  const int64_t version = newest().version + 1;
  Statement(database_,
            "UPDATE requests SET state = 'processing', version = ?, begun = ?, past_limit = ? WHERE "
            "request = ?",
            version, time_now(), static_cast<int64_t>(past_limit), id)
      .run();
  add_event("processing begun", id, version);
  auto begun = request(id);
  step.commit();
  return begun;
}

void Ledger::record(const Version& version, std::span<const int64_t> removed) {
  Transaction step(database_);
  const auto open = processing();
  if (!open || open->version != version.version || version.version != newest().version + 1) {
    fail<InputError>("version {}: the next one and a request that is processing as it required",
                     version.version);
  }
  add_version(database_, version);
  for (const int64_t example : removed) {
    Statement(database_,
              "UPDATE examples SET removed_in = ? WHERE example = ? AND removed_in IS NULL",
              version.version, example)
        .run();
    if (database_.changes() != 1)
      fail<InputError>("version {}: example {} was removed before", version.version, example);
  }
  Statement(database_, "UPDATE requests SET state = 'processed' WHERE request = ?", open->id).run();
  add_event("version recorded", open->id, version.version);
  step.commit();
}

void Ledger::close_empty(int64_t id) {
  Transaction step(database_);
  const auto found = request(id);
  if (found.state != RequestState::pending)
    fail<InputError>("request {}: a pending one required, it is {}", id, name_of(found.state));
  int64_t version = 0;
  for (const int64_t example : found.examples) {
    Statement row(database_, "SELECT removed_in FROM examples WHERE example = ?", example);
    if (!row.next() || row.is_null(0))
      fail<InputError>("request {}: example {} is not removed yet", id, example);
    version = std::max(version, row.number(0));
  }
  Statement(database_, "UPDATE requests SET state = 'processed', version = ? WHERE request = ?",
            version, id)
      .run();
  add_event("nothing left to remove", id, version);
  step.commit();
}

void Ledger::record_erasure(int64_t version) {
  Transaction step(database_);
  Statement(database_, "UPDATE versions SET erased = ? WHERE version = ? AND erased IS NULL",
            time_now(), version)
      .run();
  Statement(database_, "UPDATE examples SET user_key = NULL WHERE removed_in = ?", version).run();
  add_event("data of removed examples erased", {}, version);
  step.commit();
  // What the log still holds of the keys goes, too.
  database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

void Ledger::note(const std::string& what, std::optional<int64_t> version) {
  add_event(what, {}, version);
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

void Ledger::set_fact(const std::string& name, const std::string& value) {
  Statement(database_,
            "INSERT INTO facts VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = "
            "excluded.value",
            name, value)
      .run();
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
  if (found.empty()) fail<InputError>("request {}: one of this desk required, none of that number", id);
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
  if (found.empty()) fail<InputError>("{}: version 0 required, not there", database_.path().string());
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
    if (check.text(0) != "ok") found.push_back("ledger: " + check.text(0));
  }
  Statement keys(database_, "PRAGMA foreign_key_check");
  while (keys.next()) found.push_back("ledger: a row of " + keys.text(0) + " refers to none");
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
        found.push_back(
            fmt::format("ledger: request {} is processed, its example {} is not removed", r.id, example));
      }
    }
  }
  return found;
}

}  // namespace expunge::desk
