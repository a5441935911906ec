// What whoever fills a store promises: shares of its rows, what progress is told, interruptions.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"
#include "expunge/train/ensemble.h"
#include "train/store_files.h"
#include "train/tiny_ensemble.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

// Records the calls, and interrupts once that many rows are there.
class Recorder final : public ProgressSink {
 public:
  explicit Recorder(int64_t interrupt_at = -1) : interrupt_at_(interrupt_at) {}
  void update(std::string_view task, int64_t done, int64_t total, int64_t resumed) override {
    EXPECT_EQ(task, "subset");
    calls.push_back({done, total, resumed});
    if (done == interrupt_at_) request_interrupt();
  }
  void row(std::string_view task, int64_t row, bool finished) override {
    EXPECT_EQ(task, "subset");
    (finished ? ended : begun).insert(row);
  }
  std::vector<std::array<int64_t, 3>> calls;
  std::set<int64_t> begun;
  std::set<int64_t> ended;

 private:
  int64_t interrupt_at_;
};

TEST(Ensemble, SharesTogetherAreTheWhole) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  train_ensemble(folder / "whole", tiny_spec(7), tiny_recipe(), problem);
  for (const int64_t task : {2, 0, 1}) {
    const RowShare share{.task = task, .tasks = 3, .offset = 4};
    Recorder progress;
    const auto store =
        train_ensemble(folder / "parts", tiny_spec(7), tiny_recipe(), problem, 1, &progress, share);
    EXPECT_FALSE(store.is_finalised());
    const int64_t rows = task == 1 ? 3 : 2;  // row r is task (4 + r) % 3's
    EXPECT_EQ(progress.calls.front(), (std::array<int64_t, 3>{0, rows, 0}));
    EXPECT_EQ(progress.calls.back(), (std::array<int64_t, 3>{rows, rows, 0}));
    for (const int64_t row : progress.begun) EXPECT_EQ((4 + row) % 3, task);
    EXPECT_EQ(progress.begun, progress.ended);
  }
  Recorder progress;
  const auto store =
      train_ensemble(folder / "parts", tiny_spec(7), tiny_recipe(), problem, 1, &progress);
  EXPECT_TRUE(store.is_finalised());
  EXPECT_EQ(progress.calls, (std::vector<std::array<int64_t, 3>>{{7, 7, 7}}));
  expect_same_files(arrays_and_weights(folder / "whole"), arrays_and_weights(folder / "parts"));
}

TEST(Ensemble, TheWholeMakesWhatALostTaskHasLeft) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  train_ensemble(folder / "whole", tiny_spec(5), tiny_recipe(), problem);
  train_ensemble(folder / "parts", tiny_spec(5), tiny_recipe(), problem, 1, nullptr,
                 {.task = 1, .tasks = 2});
  Recorder progress;
  train_ensemble(folder / "parts", tiny_spec(5), tiny_recipe(), problem, 1, &progress);
  EXPECT_EQ(progress.begun, (std::set<int64_t>{0, 2, 4}));
  expect_same_files(arrays_and_weights(folder / "whole"), arrays_and_weights(folder / "parts"));
}

class Interruption : public testing::Test {
 protected:
  ~Interruption() override { clear_interrupt(); }
};

TEST_F(Interruption, LeavesFinishedRowsAndTheRestIsTrainedLater) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  train_ensemble(folder / "whole", tiny_spec(9), tiny_recipe(), problem);
  for (const int64_t workers : {1, 2}) {
    const auto path = folder / fmt::format("{}", workers);
    Recorder first(4);
    EXPECT_THROW(train_ensemble(path, tiny_spec(9), tiny_recipe(), problem, workers, &first),
                 Interrupted);
    clear_interrupt();
    const auto there = EnsembleStore::open(path).completed();
    const auto rows = std::count(there.begin(), there.end(), true);
    EXPECT_GE(rows, 4);
    EXPECT_LT(rows, 4 + workers);
    EXPECT_EQ(first.calls.front(), (std::array<int64_t, 3>{0, 9, 0}));

    Recorder second;
    train_ensemble(path, tiny_spec(9), tiny_recipe(), problem, workers, &second);
    std::vector<std::array<int64_t, 3>> expected;
    for (int64_t done = rows; done <= 9; ++done) expected.push_back({done, 9, rows});
    EXPECT_EQ(second.calls, expected);
    expect_same_files(arrays_and_weights(folder / "whole"), arrays_and_weights(path));
  }
}

TEST_F(Interruption, AFinishedEnsembleIsNotTouched) {
  const ScratchFolder folder;
  train_ensemble(folder / "a", tiny_spec(3), tiny_recipe(), tiny_problem());
  const auto before = fs::last_write_time(folder / "a" / "logits.npy");
  Recorder progress;
  request_interrupt();  // nothing is left that could be interrupted
  const auto store =
      train_ensemble(folder / "a", tiny_spec(3), tiny_recipe(), tiny_problem(), 1, &progress);
  EXPECT_TRUE(store.is_complete());
  EXPECT_EQ(progress.calls, (std::vector<std::array<int64_t, 3>>{{3, 3, 3}}));
  EXPECT_EQ(fs::last_write_time(folder / "a" / "logits.npy"), before);
}

}  // namespace
}  // namespace expunge
