#include "expunge/core/worker_pool.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <csignal>
#include <limits>
#include <mutex>
#include <set>
#include <thread>

#include "core/scratch_folder.h"
#include "expunge/core/device.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

// Waits until `holds`, at most 20 seconds: a pool that never gets there fails instead of hanging.
template <class Condition>
bool wait_for(const Condition& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

struct ClearsInterrupt {
  ~ClearsInterrupt() { clear_interrupt(); }
};

TEST(WorkerPool, EveryTaskRunsExactlyOnce) {
  for (const int64_t workers : {1, 2, 3, 64}) {
    for (const int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
      parallel_for(count, workers, [&](int64_t i) { ++runs.at(static_cast<size_t>(i)); });
      for (const auto& run : runs) EXPECT_EQ(run.load(), 1);
    }
  }
}

TEST(WorkerPool, NoTasksAndANegativeCountDoNothing) {
  parallel_for(0, 4, [](int64_t) { FAIL(); });
  parallel_for(-3, 4, [](int64_t) { FAIL(); });
  parallel_blocks(0, 5, 4, [](int64_t, int64_t) { FAIL(); });
}

TEST(WorkerPool, TasksStartInOrder) {
  std::vector<int64_t> one_worker;
  parallel_for(100, 1, [&](int64_t i) { one_worker.push_back(i); });
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(one_worker[static_cast<size_t>(i)], i);

  // With two workers at most one task that was handed out earlier has not said so yet.
  std::mutex mutex;
  std::set<int64_t> started;
  parallel_for(2000, 2, [&](int64_t i) {
    const std::lock_guard lock(mutex);
    started.insert(i);
    EXPECT_LE(i - static_cast<int64_t>(started.size()) + 1, 1);
  });
  EXPECT_EQ(started.size(), 2000U);
}

TEST(WorkerPool, WorkersRunAtTheSameTime) {
  // Each task waits for all the others: fewer threads than asked for would wait in vain.
  constexpr int workers = 5;
  std::atomic<int> arrived{0};
  std::atomic<int> met{0};
  parallel_for(workers, workers, [&](int64_t) {
    ++arrived;
    if (wait_for([&] { return arrived.load() == workers; })) ++met;
  });
  EXPECT_EQ(met.load(), workers);
}

TEST(WorkerPool, WorkerCountIsTheRequestOrThoseThatTheProcessMayUse) {
  EXPECT_EQ(worker_count(3), 3);
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_EQ(worker_count(0), CPU_COUNT(&before));
  EXPECT_EQ(worker_count(-2), CPU_COUNT(&before));
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(worker_count(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

TEST(WorkerPool, TheLowestExceptionIsRethrownAndNoNewTaskStarts) {
  // Tasks 0 and 1 run together; 1 throws first, 0 after it. A pool that keeps the first exception
  // says "1", one that goes on runs the other 998.
  std::atomic<bool> one_threw{false};
  std::atomic<int> runs{0};
  const auto message = message_of<InputError>([&] {
    parallel_for(1000, 2, [&](int64_t i) {
      ++runs;
      if (i == 1) {
        one_threw = true;
        fail<InputError>("1");
      }
      if (i == 0) {
        EXPECT_TRUE(wait_for([&] { return one_threw.load(); }));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        fail<InputError>("0");
      }
    });
  });
  EXPECT_EQ(message, "0");
  EXPECT_EQ(runs.load(), 2);
}

TEST(WorkerPool, AnExceptionWithOneWorkerStopsAtItsTask) {
  int runs = 0;
  EXPECT_THROW(parallel_for(10, 1,
                            [&](int64_t i) {
                              ++runs;
                              if (i == 3) throw std::out_of_range("stop");
                            }),
               std::out_of_range);
  EXPECT_EQ(runs, 4);
}

TEST(WorkerPool, InterruptStopsAtTheNextTask) {
  const ClearsInterrupt at_end;
  for (const int64_t workers : {1, 2}) {
    clear_interrupt();
    std::atomic<int> runs{0};
    EXPECT_THROW(parallel_for(1000, workers,
                              [&](int64_t i) {
                                ++runs;
                                if (i == 10) request_interrupt();
                                if (i > 10) wait_for(interrupt_requested);
                              }),
                 Interrupted);
    EXPECT_GE(runs.load(), 11);
    EXPECT_LE(runs.load(), 12);
  }
}

TEST(WorkerPool, InterruptInTheLastTaskLosesNothing) {
  const ClearsInterrupt at_end;
  int runs = 0;
  EXPECT_NO_THROW(parallel_for(3, 1, [&](int64_t i) {
    ++runs;
    if (i == 2) request_interrupt();
  }));
  EXPECT_EQ(runs, 3);
  EXPECT_THROW(parallel_for(3, 1, [](int64_t) { FAIL(); }), Interrupted);
  clear_interrupt();
  EXPECT_NO_THROW(parallel_for(3, 1, [&](int64_t) { ++runs; }));
  EXPECT_EQ(runs, 6);
}

TEST(WorkerPool, InterruptMayComeFromASignalHandler) {
  const ClearsInterrupt at_end;
  const auto before = std::signal(SIGUSR1, [](int) { request_interrupt(); });
  EXPECT_THROW(parallel_for(100, 2,
                            [](int64_t i) {
                              if (i == 0) std::raise(SIGUSR1);
                              EXPECT_TRUE(wait_for(interrupt_requested));
                            }),
               Interrupted);
  std::signal(SIGUSR1, before);
}

TEST(WorkerPool, NestedCallsFinishAndPassOnTheirException) {
  std::atomic<int64_t> sum{0};
  parallel_for(6, 3,
               [&](int64_t i) { parallel_for(50, 2, [&](int64_t j) { sum += 50 * i + j; }); });
  EXPECT_EQ(sum.load(), 300 * 299 / 2);
  const auto message = message_of<InputError>([] {
    parallel_for(2, 2, [](int64_t i) {
      parallel_for(2, 2, [&](int64_t j) { fail<InputError>("{}{}", i, j); });
    });
  });
  EXPECT_EQ(message.size(), 2U) << message;
}

TEST(WorkerPool, LibTorchHasOneThreadInsideATaskAndItsOwnAfterwards) {
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  for (const int64_t workers : {1, 2}) {
    parallel_for(8, workers, [](int64_t) {
      EXPECT_EQ(at::get_num_threads(), 1);
      // A nested call restores what it found, which is one thread here.
      parallel_for(2, 2, [](int64_t) { EXPECT_EQ(at::get_num_threads(), 1); });
      EXPECT_EQ(at::get_num_threads(), 1);
    });
    EXPECT_EQ(at::get_num_threads(), 3);
    EXPECT_THROW(parallel_for(8, workers, [](int64_t) { throw std::runtime_error("stop"); }),
                 std::runtime_error);
    EXPECT_EQ(at::get_num_threads(), 3);
  }
  at::set_num_threads(before);
}

TEST(WorkerPool, BlocksCoverTheRangeExactly) {
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  for (const int64_t count : {1, 2, 9, 10, 11, 100}) {
    for (const int64_t block : {int64_t{1}, int64_t{3}, int64_t{10}, int64_t{200}, most}) {
      std::vector<std::atomic<int>> covered(static_cast<size_t>(count));
      std::atomic<int64_t> blocks{0};
      parallel_blocks(count, block, 2, [&](int64_t begin, int64_t end) {
        ++blocks;
        EXPECT_LT(begin, end);
        EXPECT_LE(end - begin, block);
        EXPECT_EQ(begin % block, 0);
        for (int64_t i = begin; i < end; ++i) ++covered.at(static_cast<size_t>(i));
      });
      for (const auto& times : covered) EXPECT_EQ(times.load(), 1);
      EXPECT_EQ(blocks.load(), (count - 1) / block + 1);
    }
  }
}

TEST(WorkerPool, BlocksThatAreNotPositiveAreRefused) {
  for (const int64_t block : {0, -4}) {
    EXPECT_SAYS(message_of<Error>([&] { parallel_blocks(5, block, 1, [](int64_t, int64_t) {}); }),
                fmt::format("must be positive, got {}", block));
  }
}

// A device with room for so many tasks at once.
class Room {
 public:
  explicit Room(int64_t places) : places_(places) {}
  void work() {
    const auto inside = ++inside_;
    if (inside > places_) {
      --inside_;
      throw OutOfMemory("no room");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    --inside_;
  }

 private:
  int64_t places_;
  std::atomic<int64_t> inside_{0};
};

TEST(WorkerPoolHalving, EveryTaskIsDoneWithAsManyWorkersAsThereIsRoomFor) {
  for (const int64_t places : {1, 2, 3, 100}) {
    Room room(places);
    std::vector<std::atomic<int>> done(40);
    std::vector<int64_t> went_on;
    const int64_t workers = parallel_for_halving(
        40, 8,
        [&](int64_t i) {
          room.work();
          ++done.at(static_cast<size_t>(i));
        },
        [&](int64_t left) { went_on.push_back(left); });
    for (const auto& count : done) EXPECT_EQ(count.load(), 1);
    EXPECT_GE(workers, 1);
    if (places == 100) {
      EXPECT_EQ(workers, 8);
    }
    if (!went_on.empty()) {
      EXPECT_EQ(went_on.back(), workers);
    }
    for (size_t k = 0; k < went_on.size(); ++k) EXPECT_EQ(went_on[k], 8 >> (k + 1));
  }
}

TEST(WorkerPoolHalving, OneWorkerWithoutRoomIsAnError) {
  Room room(0);
  EXPECT_THROW(parallel_for_halving(5, 4, [&](int64_t) { room.work(); }), OutOfMemory);
}

TEST(WorkerPoolHalving, OtherErrorsAreNotTriedAgain) {
  std::atomic<int> calls{0};
  const auto task = [&](int64_t) {
    ++calls;
    throw NonFiniteError("diverged");
  };
  EXPECT_THROW(parallel_for_halving(1, 4, task), NonFiniteError);
  EXPECT_EQ(calls.load(), 1);
}

}  // namespace
}  // namespace expunge
