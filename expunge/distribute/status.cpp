#include "expunge/distribute/status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/train/ensemble_store.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Rows of a store by what the tasks' records say; a row that is done, or at work elsewhere, counts as that.
StoreStatus store_status(const fs::path& folder, const PlannedStore& planned,
                         const std::vector<TaskRecord>& tasks) {
  StoreStatus status;
  status.store = planned;
  std::vector<bool> taken(static_cast<size_t>(planned.models), false);
  const auto place = folder / planned.folder;
  if (fs::exists(place / "ensemble.json")) {
    const auto store = EnsembleStore::open(place);
    if (store.description().models != planned.models) {
      fail<InputError>("{}: a store of {} models required, got {}", place.string(), planned.models,
                       store.description().models);
    }
    status.finalised = store.is_finalised();
    taken = store.listed();
    status.done = std::count(taken.begin(), taken.end(), true);
  }
  if (fs::exists(place / "diverged.txt")) {
    status.diverged = read_file(place / "diverged.txt");
    while (!status.diverged.empty() && status.diverged.back() == '\n') status.diverged.pop_back();
  }
  const auto take = [&](const TaskRecord& record, int64_t& count) {
    const auto rows = record.rows.find(planned.name);
    if (rows == record.rows.end()) return;
    for (const int64_t row : rows->second) {
      if (row < 0 || row >= planned.models || taken[static_cast<size_t>(row)]) continue;
      taken[static_cast<size_t>(row)] = true;
      ++count;
    }
  };
  for (const auto& record : tasks) {
    if (record.state == TaskState::running && !record.is_lost()) take(record, status.running);
  }
  for (const auto& record : tasks) {
    if (record.state == TaskState::failed) take(record, status.failed);
  }
  return status;
}

}  // namespace

ExperimentStatus experiment_status(const fs::path& folder, const RunConfig& config,
                                   const SweepConfig* sweep) {
  ExperimentStatus status;
  status.folder = folder;
  status.name = config.name;
  status.tasks = read_task_records(folder);
  for (const auto& planned : planned_stores(config, sweep))
    status.stores.push_back(store_status(folder, planned, status.tasks));
  status.forget_sets = static_cast<int64_t>(config.forget_sets.size());
  for (const auto& set : config.forget_sets)
    status.predictions += fs::exists(folder / ("shift-" + set.name + ".npy")) ? 1 : 0;
  return status;
}

TextTable status_table(const ExperimentStatus& status) {
  TextTable table({{"store", Align::left},
                   {"models"},
                   {"done"},
                   {"running"},
                   {"failed"},
                   {"waiting"},
                   {"state", Align::left}});
  for (const auto& store : status.stores) {
    const auto number = [](int64_t value) { return fmt::format("{}", value); };
    std::string state = store.done + store.running + store.failed > 0 ? "begun" : "";
    if (store.finalised) state = "complete";
    if (!store.diverged.empty()) state = "left: " + store.diverged;
    table.add_row({store.store.folder.string(), number(store.store.models), number(store.done),
                   number(store.running), number(store.failed), number(store.waiting()), state});
  }
  return table;
}

std::string status_json(const ExperimentStatus& status) {
  Json stores = Json::array();
  for (const auto& store : status.stores) {
    stores.push_back({{"store", store.store.folder.string()},
                      {"models", store.store.models},
                      {"done", store.done},
                      {"running", store.running},
                      {"failed", store.failed},
                      {"waiting", store.waiting()},
                      {"complete", store.finalised},
                      {"diverged", store.diverged}});
  }
  Json tasks = Json::array();
  for (const auto& task : status.tasks) {
    Json rows = Json::object();
    for (const auto& [store, numbers] : task.rows) rows[store] = numbers;
    tasks.push_back({{"stage", task.stage},
                     {"task", task.task},
                     {"tasks", task.tasks},
                     {"state", state_of(task)},
                     {"host", task.host},
                     {"job", task.job},
                     {"restarts", task.restarts},
                     {"rows", rows},
                     {"message", task.message}});
  }
  const Json json = {{"name", status.name},
                     {"folder", status.folder.string()},
                     {"stores", stores},
                     {"predictions", status.predictions},
                     {"forget_sets", status.forget_sets},
                     {"tasks", tasks}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace expunge
