// What the tasks of a shared stage say of themselves, in files beside the stores.
//
//   OUT/tasks/<stage>-<I>-of-<N>.json   who is at work, on which rows, and how it ended
//
// A task writes its own file only, and touches it while it lives: one that falls silent without having
// ended was lost. Nothing depends on these files but what `expunge status` shows.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "expunge/core/progress.h"
#include "expunge/distribute/stage.h"

namespace expunge {

/// A living task's file is touched every `heartbeat_seconds`; after `lost_seconds` of silence it counts
/// as lost. (The clocks of the file server and of whoever asks may differ a little.)
inline constexpr int heartbeat_seconds = 30;
inline constexpr int lost_seconds = 120;

enum class TaskState {
  running,
  finished,  // its share is done
  stopped,   // asked to
  failed,    // by an error
};

struct TaskRecord {
  std::string stage;
  int64_t task = 0;  // from 1, as the command line counts
  int64_t tasks = 1;
  std::string host;
  std::string job;       // Slurm's name of it, "12_3"; empty without Slurm
  int64_t restarts = 0;  // how often Slurm has requeued it
  TaskState state = TaskState::running;
  std::string message;  // of the error
  /// Rows taken up and not finished, by the ensemble's name: at work, or those that failed.
  std::map<std::string, std::set<int64_t>> rows;
  double silent_seconds = 0;  // since the last sign of life; as read

  [[nodiscard]] bool is_lost() const {
    return state == TaskState::running && silent_seconds > lost_seconds;
  }
};

/// running, finished, stopped, failed, or lost.
std::string state_of(const TaskRecord& record);

/// Keeps a task's file while it works, and passes its progress on.
class TaskJournal final : public ProgressSink {
 public:
  /// Nothing is written before the first row, and nothing into a folder without config.toml.
  TaskJournal(std::filesystem::path folder, Stage stage, const RowShare& share,
              ProgressSink* shown = nullptr);
  ~TaskJournal() override;
  TaskJournal(const TaskJournal&) = delete;
  TaskJournal& operator=(const TaskJournal&) = delete;

  void update(std::string_view task, int64_t done, int64_t total, int64_t resumed) override;
  void row(std::string_view task, int64_t row, bool finished) override;
  /// Does the task's work and notes how it ended; what it throws is thrown on.
  void run(const std::function<void()>& work);

 private:
  void end(TaskState state, const std::string& message);
  void write() noexcept;
  void beat();

  std::filesystem::path folder_;
  std::filesystem::path path_;
  ProgressSink* shown_;
  std::mutex mutex_;
  TaskRecord record_;
  bool is_written_ = true;  // or was tried: what record_ holds
  std::chrono::steady_clock::time_point last_written_{};
  std::condition_variable changed_;
  std::thread heart_;
};

/// The records in OUT/tasks, by stage and task; files that are no records are passed over.
std::vector<TaskRecord> read_task_records(const std::filesystem::path& folder);

}  // namespace expunge
