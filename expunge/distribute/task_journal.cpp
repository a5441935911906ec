#include "expunge/distribute/task_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <tuple>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/json_number.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr auto heartbeat = std::chrono::seconds(heartbeat_seconds);
// Between writes, each of which waits for the disk: rows may be a hundredth of a second apart.
constexpr auto shortest_time = std::chrono::seconds(1);

constexpr std::pair<TaskState, const char*> state_names[] = {{TaskState::running, "running"},
                                                             {TaskState::finished, "finished"},
                                                             {TaskState::stopped, "stopped"},
                                                             {TaskState::failed, "failed"}};

std::string state_name(TaskState state) {
  for (const auto& [known, name] : state_names) {
    if (known == state) return name;
  }
  return "";
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string host_name() {
  char name[256] = {};
  const bool known = ::gethostname(name, sizeof name - 1) == 0;
  return known ? name : "";
}

// As squeue shows it.
std::string slurm_job() {
  const auto array = from_environment("SLURM_ARRAY_JOB_ID");
  if (array.empty()) return from_environment("SLURM_JOB_ID");
  return array + "_" + from_environment("SLURM_ARRAY_TASK_ID");
}

std::string text_of(const TaskRecord& record) {
  Json rows = Json::object();
  for (const auto& [store, numbers] : record.rows) rows[store] = numbers;
  const Json json = {{"stage", record.stage},
                     {"task", record.task},
                     {"tasks", record.tasks},
                     {"host", record.host},
                     {"job", record.job},
                     {"restarts", record.restarts},
                     {"state", state_name(record.state)},
                     {"message", record.message},
                     {"rows", rows}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

TaskRecord record_in(const std::string& text) {
  const auto json = Json::parse(text);
  TaskRecord record;
  record.stage = json.at("stage").get<std::string>();
  record.task = whole_number(json.at("task"));
  record.tasks = whole_number(json.at("tasks"));
  record.host = json.at("host").get<std::string>();
  record.job = json.at("job").get<std::string>();
  record.restarts = whole_number(json.at("restarts"));
  record.message = json.at("message").get<std::string>();
  record.rows = json.at("rows").get<decltype(record.rows)>();
  const auto state = json.at("state").get<std::string>();
  for (const auto& [known, name] : state_names) {
    if (state == name) record.state = known;
  }
  return record;
}

}  // namespace

std::string state_of(const TaskRecord& record) {
  return record.is_lost() ? "lost" : state_name(record.state);
}

TaskJournal::TaskJournal(fs::path folder, Stage stage, const RowShare& share, ProgressSink* shown)
    : folder_(std::move(folder)), shown_(shown) {
  record_.stage = to_string(stage);
  record_.task = share.task + 1;
  record_.tasks = share.tasks;
  record_.host = host_name();
  record_.job = slurm_job();
  record_.restarts = std::strtoll(from_environment("SLURM_RESTART_COUNT").c_str(), nullptr, 10);
  path_ = folder_ / "tasks" /
          fmt::format("{}-{}-of-{}.json", record_.stage, record_.task, record_.tasks);
}

TaskJournal::~TaskJournal() {
  if (record_.state == TaskState::running) end(TaskState::stopped, "");
}

void TaskJournal::run(const std::function<void()>& work) {
  try {
    work();
  } catch (const Interrupted&) {
    end(TaskState::stopped, "");
    throw;
  } catch (const std::exception& error) {
    end(TaskState::failed, error.what());
    throw;
  }
  end(TaskState::finished, "");
}

void TaskJournal::update(std::string_view task, int64_t done, int64_t total, int64_t resumed) {
  if (shown_ != nullptr) shown_->update(task, done, total, resumed);
}

void TaskJournal::row(std::string_view task, int64_t row, bool finished) {
  {
    const std::lock_guard lock(mutex_);
    auto& rows = record_.rows[std::string(task)];
    if (finished) {
      rows.erase(row);
    } else {
      rows.insert(row);
    }
    if (rows.empty()) record_.rows.erase(std::string(task));
    is_written_ = false;
    if (std::chrono::steady_clock::now() - last_written_ > shortest_time) write();
    if (!heart_.joinable()) heart_ = std::thread([this] { beat(); });
  }
  changed_.notify_all();
  if (shown_ != nullptr) shown_->row(task, row, finished);
}

void TaskJournal::end(TaskState state, const std::string& message) {
  {
    const std::lock_guard lock(mutex_);
    record_.state = state;
    record_.message = message;
    write();
  }
  changed_.notify_all();
  if (heart_.joinable()) heart_.join();
}

// A record that cannot be written (a full disk) must not end the work that it is about.
void TaskJournal::write() noexcept {
  is_written_ = true;
  last_written_ = std::chrono::steady_clock::now();
  try {
    if (!fs::exists(folder_ / "config.toml")) return;
    fs::create_directories(path_.parent_path());
    write_file_atomically(path_, text_of(record_));
  } catch (const std::exception&) {
    // Those who ask for the record then see an older one.
  }
}

void TaskJournal::beat() {
  std::unique_lock lock(mutex_);
  while (record_.state == TaskState::running) {
    const auto due = last_written_ + (is_written_ ? heartbeat : shortest_time);
    if (std::chrono::steady_clock::now() < due) {
      changed_.wait_until(lock, due);
    } else if (is_written_) {
      // The file server's time, not this machine's.
      ::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);
      last_written_ = std::chrono::steady_clock::now();
    } else {
      write();
    }
  }
}

std::vector<TaskRecord> read_task_records(const fs::path& folder) {
  std::vector<TaskRecord> records;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder / "tasks", error)) {
    if (entry.path().extension() != ".json") continue;
    try {
      auto record = record_in(read_file(entry.path()));
      const auto silence = fs::file_time_type::clock::now() - fs::last_write_time(entry.path());
      record.silent_seconds = std::max(0.0, std::chrono::duration<double>(silence).count());
      records.push_back(std::move(record));
    } catch (const nlohmann::json::exception&) {
      // Not a record of this version.
    } catch (const SystemError&) {
      // Replaced meanwhile.
    } catch (const fs::filesystem_error&) {
      // Replaced meanwhile.
    }
  }
  const auto order = [](const TaskRecord& r) { return std::tie(r.stage, r.tasks, r.task); };
  std::sort(records.begin(), records.end(),
            [&](const auto& a, const auto& b) { return order(a) < order(b); });
  return records;
}

}  // namespace expunge
