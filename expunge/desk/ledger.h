// The ledger of deletion requests: who asked for what when, and which version of the model came of it.
//
//   DESK/ledger.sqlite    SQLite, write-ahead log, one transaction a step
//
// A request is in one state at every instant:
//
//   pending ──► processing ──► processed
//      └──► withdrawn
//
// One at most is being processed. What is processing goes on in whichever process comes next, as it was begun;
// what is processed or withdrawn stays so. Once a version's examples are gone, so are the keys of their users.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "expunge/desk/sqlite.h"

namespace expunge::desk {

enum class RequestState { pending, processing, processed, withdrawn };
const char* name_of(RequestState state);

/// A request to delete examples.
struct Request {
  int64_t id = 0;        // from 1, in the order of arrival
  std::string received;  // 2026-01-31T12:00:00Z
  bool by_key = false;   // named by a user's key; the key itself is not kept
  std::string receipt;   // what the asker has to show for it
  RequestState state = RequestState::pending;
  std::optional<int64_t> version;  // that it is processed as, or was removed by
  std::string begun;               // when processing began; empty before
  bool past_limit = false;         // processed in spite of the limit on predicted error
  std::vector<int64_t> examples;   // increasing
};

/// A version of the model. Version 0 is the model that the desk was given.
struct Version {
  int64_t version = 0;
  std::string created = {};
  std::string model_sha256 = {}, certificate_sha256 = {};
  double forget_klom = 0;  // predicted for this request's examples: 95th percentile of KLoM, nats
  double elsewhere_klom = 0;  // the larger of retained and validation points'
  std::string erased = {};    // when the last of its examples' data was gone; empty before
};

/// Something that happened.
struct Event {
  std::string at;
  std::string what;
  std::optional<int64_t> request, version;
};

/// UTC, in seconds.
std::string time_now();

class Ledger {
 public:
  /// A new ledger over n examples, with version 0. keys: (n), empty texts for none, or empty. facts: what the
  /// desk says of itself by name. All in one transaction: a file without it is no ledger.
  static void make(const std::filesystem::path& path, int64_t examples,
                   const std::vector<std::string>& keys,
                   const std::map<std::string, std::string>& facts, const Version& first);
  /// Whether make() has finished there.
  static bool is_made(const std::filesystem::path& path);
  /// InputError if there is none, or it is damaged. With `write` unset nothing can be changed.
  explicit Ledger(const std::filesystem::path& path, bool write = true);

  /// Records a request and returns it. A request with the receipt of one that is there is that one, if it asks for
  /// the same. InputError for no examples, one out of range, twice, or removed already (with the version).
  Request ask(std::span<const int64_t> examples, bool by_key, const std::string& receipt);
  /// A user's examples that are not removed; InputError if there are none.
  [[nodiscard]] std::vector<int64_t> examples_of_key(const std::string& key) const;
  /// InputError unless it is pending.
  void withdraw(int64_t request);

  /// A pending request becomes the one that is processing, as the next version. Returns it as it is then; none if
  /// it has been withdrawn meanwhile. InputError if another one is processing.
  std::optional<Request> begin(int64_t request, bool past_limit);
  /// The processing request becomes processed and the version is there, both or none.
  void record(const Version& version, std::span<const int64_t> removed);
  /// A pending request of which every example has been removed meanwhile is processed without a version.
  void close_empty(int64_t request);
  /// The data of a version's examples are gone; their users' keys go with this.
  void record_erasure(int64_t version);
  void note(const std::string& what, std::optional<int64_t> version = {});

  [[nodiscard]] std::string fact(const std::string& name) const;
  [[nodiscard]] std::optional<std::string> find_fact(const std::string& name) const;
  void set_fact(const std::string& name, const std::string& value);
  [[nodiscard]] int64_t examples() const;
  [[nodiscard]] bool has_keys() const;
  /// InputError if there is none of that number.
  [[nodiscard]] Request request(int64_t id) const;
  [[nodiscard]] std::vector<Request> requests() const;
  [[nodiscard]] std::optional<Request> processing() const;
  [[nodiscard]] std::vector<Version> versions() const;
  [[nodiscard]] Version newest() const;
  /// Examples that a version removed, increasing.
  [[nodiscard]] std::vector<int64_t> removed_in(int64_t version) const;
  /// Examples that versions up to `version` removed, increasing.
  [[nodiscard]] std::vector<int64_t> removed_up_to(int64_t version) const;
  [[nodiscard]] std::vector<Event> events() const;
  /// One line for each thing that is not as it must be, of the file and of what stands in it.
  [[nodiscard]] std::vector<std::string> faults() const;

 private:
  [[nodiscard]] std::vector<Request> read_requests(const char* where, int64_t value) const;
  [[nodiscard]] std::vector<int64_t> list(const char* sql, int64_t value) const;
  void add_event(const std::string& what, std::optional<int64_t> request,
                 std::optional<int64_t> version);

  Database database_;
};

}  // namespace expunge::desk
