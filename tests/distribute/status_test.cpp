// What tasks note of themselves, and how far an experiment is by that and by its stores.
#include "expunge/distribute/status.h"

#include <nlohmann/json.hpp>

#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"
#include "message_of.h"
#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

class Status : public TinyExperiment {
 protected:
  StoreStatus store(const Experiment& experiment, const std::string& name) {
    for (const auto& store : experiment_status(folder_ / "out", experiment.config()).stores) {
      if (store.store.name == name) return store;
    }
    ADD_FAILURE() << name;
    return {};
  }
  [[nodiscard]] fs::path record(int64_t task) const {
    return folder_ / "out" / "tasks" / fmt::format("train-{}-of-2.json", task);
  }
  static void expect(const StoreStatus& status, int64_t done, int64_t running, int64_t failed,
                     int64_t waiting) {
    EXPECT_EQ(status.done, done);
    EXPECT_EQ(status.running, running);
    EXPECT_EQ(status.failed, failed);
    EXPECT_EQ(status.waiting(), waiting);
  }
};

TEST_F(Status, CountsRowsThatAreDoneAndWaiting) {
  const auto tiny = experiment();
  expect(store(tiny, "subset"), 0, 0, 0, 10);
  run_stage(tiny, nullptr, Stage::train, {.task = 0, .tasks = 2});
  expect(store(tiny, "subset"), 5, 0, 0, 5);
  EXPECT_FALSE(store(tiny, "subset").finalised);
  run_stage(tiny, nullptr, Stage::train, {});
  expect(store(tiny, "subset"), 10, 0, 0, 0);
  EXPECT_TRUE(store(tiny, "subset").finalised);
  expect(store(tiny, "dmm-pair"), 0, 0, 0, 8);
}

TEST_F(Status, KnowsRowsAtWorkFailedAndLost) {
  const auto tiny = experiment();
  {
    TaskJournal journal(folder_ / "out", Stage::train, {.task = 0, .tasks = 2});
    journal.row("subset", 2, /*finished=*/false);
    auto status = store(tiny, "subset");
    expect(status, 0, 1, 0, 9);
    EXPECT_EQ(state_of(read_task_records(folder_ / "out").at(0)), "running");
    // Silent for longer than a living task is: lost, and its row free.
    fs::last_write_time(record(1),
                        fs::file_time_type::clock::now() - std::chrono::seconds(lost_seconds + 10));
    expect(store(tiny, "subset"), 0, 0, 0, 10);
    EXPECT_EQ(state_of(read_task_records(folder_ / "out").at(0)), "lost");
    EXPECT_THROW(journal.run([] { fail<NonFiniteError>("model 2: diverged"); }), NonFiniteError);
  }
  expect(store(tiny, "subset"), 0, 0, 1, 9);
  const auto records = read_task_records(folder_ / "out");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].stage, "train");
  EXPECT_EQ(records[0].task, 1);
  EXPECT_EQ(records[0].tasks, 2);
  EXPECT_EQ(state_of(records[0]), "failed");
  EXPECT_EQ(records[0].message, "model 2: diverged");
  EXPECT_EQ(records[0].rows.at("subset"), std::set<int64_t>{2});
  // Another task takes it up, and makes it.
  {
    TaskJournal journal(folder_ / "out", Stage::train, {.task = 1, .tasks = 2});
    journal.row("subset", 2, false);
    expect(store(tiny, "subset"), 0, 1, 0, 9);
  }
  run_stage(tiny, nullptr, Stage::train, {});
  expect(store(tiny, "subset"), 10, 0, 0, 0);
}

TEST_F(Status, ATaskNotesHowItEnded) {
  const auto tiny = experiment();
  const auto ended = [&](const std::function<void()>& work) {
    TaskJournal journal(folder_ / "out", Stage::train, {.task = 1, .tasks = 2});
    try {
      journal.run(work);
    } catch (const Error&) {
      // The journal has noted it.
    }
    return state_of(read_task_records(folder_ / "out").at(0));
  };
  EXPECT_EQ(ended([] {}), "finished");
  EXPECT_EQ(ended([] { throw Interrupted("stopped"); }), "stopped");
  EXPECT_EQ(ended([] { fail<SystemError>("disk full"); }), "failed");
}

TEST_F(Status, AJournalPassesProgressOnAndFollowsIt) {
  class Shown final : public ProgressSink {
   public:
    void update(std::string_view, int64_t done, int64_t, int64_t) override { last = done; }
    void row(std::string_view, int64_t, bool finished) override { ended += finished ? 1 : 0; }
    int64_t last = 0;
    int64_t ended = 0;
  } shown;
  TaskJournal journal(folder_ / "out", Stage::train, {}, &shown);
  const auto tiny = experiment({}, "out", 2, &journal);
  journal.run([&] { run_stage(tiny, nullptr, Stage::train, {}); });
  EXPECT_EQ(shown.last, 12);  // the last store's oracles
  EXPECT_EQ(shown.ended, 10 + 8 + 2 * 12);
  const auto records = read_task_records(folder_ / "out");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_TRUE(records[0].rows.empty());
}

// A folder that is not claimed stays as it is: the experiment that would claim it was refused.
TEST_F(Status, NoJournalBeginsAFolder) {
  fs::create_directories(folder_ / "free");
  TaskJournal journal(folder_ / "free", Stage::train, {});
  EXPECT_THROW(journal.run([] { fail<InputError>("no data"); }), InputError);
  EXPECT_TRUE(fs::is_empty(folder_ / "free"));
}

TEST_F(Status, RecordsThatAreNoneArePassedOver) {
  const auto tiny = experiment();
  const std::string whole =
      R"({"stage": "train", "task": 1, "tasks": 2, "host": "a", "job": "", "restarts": 0,
          "state": "running", "message": "", "rows": {"subset": [-3, 99, 4]}})";
  put_file(record(1), whole);
  put_file(record(2), whole.substr(0, 60));
  put_file(folder_ / "out" / "tasks" / "other.json", "[1, 2]");
  put_file(folder_ / "out" / "tasks" / "rows.json",
           R"({"stage": "train", "task": 1, "tasks": 2, "host": "a", "job": "", "restarts": 0,
               "state": "running", "message": "", "rows": {"subset": "all"}})");
  EXPECT_EQ(read_task_records(folder_ / "out").size(), 1U);
  expect(store(tiny, "subset"), 0, 1, 0, 9);  // rows that there are not do not count
}

TEST_F(Status, AStoreOfAnotherSizeIsRefused) {
  const auto tiny = experiment();
  tiny.train();
  auto config = tiny.config();
  config.ensembles.subset_models = 11;
  EXPECT_EQ(message_of<InputError>([&] { experiment_status(folder_ / "out", config); }),
            path_of("subset") + ": a store of 11 models required, got 10");
}

TEST_F(Status, IsTheSameInWordsAndAsJson) {
  const auto tiny = experiment();
  run_stage(tiny, nullptr, Stage::train, {.task = 0, .tasks = 2});
  TaskJournal journal(folder_ / "out", Stage::train, {.task = 1, .tasks = 2});
  journal.row("full", 1, false);
  const auto status = experiment_status(folder_ / "out", tiny.config());
  const auto json = nlohmann::json::parse(status_json(status));
  const auto rows = status_table(status).rows();
  ASSERT_EQ(json["stores"].size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto& store = json["stores"][i];
    EXPECT_EQ(rows[i][0], store["store"].get<std::string>());
    const char* const keys[] = {"models", "done", "running", "failed", "waiting"};
    for (size_t k = 0; k < 5; ++k)
      EXPECT_EQ(rows[i][k + 1], fmt::format("{}", store[keys[k]].get<int64_t>()));
  }
  EXPECT_EQ(json["stores"][1]["running"], 1);
  EXPECT_EQ(json["predictions"], 0);
  EXPECT_EQ(json["forget_sets"], 2);
  EXPECT_EQ(json["tasks"][0]["rows"]["full"][0], 1);
}

}  // namespace
}  // namespace expunge
