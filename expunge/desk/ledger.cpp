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

void add_version(Database& database, const Version& v) {
  Statement(database,
            "INSERT INTO versions(version, created, model_sha256, certificate_sha256, forget_klom, "
            "elsewhere_klom, erased) VALUES (?, ?, ?, ?, ?, ?, ?)",
            v.version, v.created, v.model_sha256, v.certificate_sha256, v.forget_klom,
            v.elsewhere_klom, v.erased.empty() ? std::nullopt : std::optional(v.erased))
      .run();
}

}  // namespace

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
  database.run(
      fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};", kApplication, kFormat));
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
          fail<InputError>(
              "{}: a desk's ledger required, not there; begin one with: expunge desk init",
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
  Statement(
      database_,
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

void Ledger::set_fact(const std::string& name, const std::string& value) {
  Statement(database_,
            "INSERT INTO facts VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = "
            "excluded.value",
            name, value)
      .run();
}

}  // namespace expunge::desk
