// SQLite in C++: connections, statements and transactions that close themselves. Internal to the room.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace expunge::desk {

/// InputError names the file where it is damaged or no database; SystemError where it cannot be read or written,
/// or another process holds it for longer than ten seconds.
class Database {
 public:
  enum class Mode { make, open, read };
  Database(const std::filesystem::path& path, Mode mode);

  /// Statements without results or parameters, one after the other.
  void run(const std::string& sql);
  [[nodiscard]] int64_t last_id() const { return sqlite3_last_insert_rowid(handle_.get()); }
  [[nodiscard]] int64_t changes() const { return sqlite3_changes64(handle_.get()); }
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Throws what the code of a call that failed asks for.
  [[noreturn]] void raise(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  };
  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// One statement with its parameters in order: Statement(database, "... ? ...", 3, "text").
class Statement {
 public:
  template <class... Parameters>
  Statement(const Database& database, const char* sql, const Parameters&... parameters)
      : Statement(database, sql, Prepared{}) {
    (bind(parameters), ...);
  }

  /// True while there is a row.
  bool next();
  /// To its end.
  void run() {
    while (next()) {
    }
  }
  [[nodiscard]] int64_t number(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  struct Prepared {};
  Statement(const Database& database, const char* sql, Prepared);
  void bind(int64_t value);
  void bind(double value);
  void bind(std::string_view value);
  template <class T>
  void bind(const std::optional<T>& value) {
    if (value) return bind(*value);
    ++bound_;  // as prepared: NULL
  }

  struct Finalise {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  const Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalise> statement_;
  int bound_ = 0;
};

/// From now on no other process writes; all or nothing of it is there after commit().
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace expunge::desk
