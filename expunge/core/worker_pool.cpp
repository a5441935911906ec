#include "expunge/core/worker_pool.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "expunge/core/device.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

std::atomic<bool> interrupt{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the signal handler sets it");

/// Holds LibTorch and OpenMP to one thread on the calling thread, and restores what was there.
class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace

int64_t worker_count(int64_t requested) {
  if (requested > 0) return requested;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
  return std::max(1U, std::thread::hardware_concurrency());
}

void parallel_for(int64_t count, int64_t workers, const std::function<void(int64_t)>& task) {
  if (count <= 0) return;
  workers = std::min(worker_count(workers), count);
  std::atomic<int64_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::exception_ptr error;
  int64_t error_index = std::numeric_limits<int64_t>::max();

  const auto work = [&] {
    while (!stop.load() && !interrupt_requested()) {
      const int64_t i = next.fetch_add(1);
      if (i >= count) return;
      try {
        task(i);
      } catch (...) {
        stop.store(true);
        const std::lock_guard lock(mutex);
        if (i < error_index) {
          error_index = i;
          error = std::current_exception();
        }
      }
    }
  };

  // The caller's setting is process-wide in some LibTorch builds: set here, restored at the end.
  const OneThread one_thread;
  if (workers == 1) {
    work();
  } else {
    std::vector<std::jthread> threads;
    for (int64_t w = 0; w < workers; ++w) {
      threads.emplace_back([&] {
        at::set_num_threads(1);  // OpenMP's setting belongs to the thread
        work();
      });
    }
  }
  if (error) std::rethrow_exception(error);
  if (interrupt_requested() && next.load() < count) {
    throw Interrupted("interrupted; what was finished is kept");
  }
}

void parallel_blocks(int64_t count, int64_t block, int64_t workers,
                     const std::function<void(int64_t, int64_t)>& task) {
  if (block <= 0) fail("parallel_blocks: block must be positive, got {}", block);
  // Written so that no sum passes the largest int64_t, however large the block.
  const int64_t blocks = count / block + (count % block > 0 ? 1 : 0);
  parallel_for(blocks, workers, [&](int64_t i) {
    const int64_t begin = i * block;
    task(begin, begin + std::min(block, count - begin));
  });
}

int64_t parallel_for_halving(int64_t count, int64_t workers,
                             const std::function<void(int64_t)>& task,
                             const std::function<void(int64_t workers)>& released) {
  std::vector<int64_t> left(static_cast<size_t>(std::max<int64_t>(count, 0)));
  std::iota(left.begin(), left.end(), 0);
  workers = std::max<int64_t>(1, std::min(worker_count(workers), count));
  while (!left.empty()) {
    std::vector<char> done(left.size(), 0);
    try {
      parallel_for(std::ssize(left), workers, [&](int64_t i) {
        task(left[static_cast<size_t>(i)]);
        done[static_cast<size_t>(i)] = 1;
      });
      break;
    } catch (const OutOfMemory&) {
      if (workers == 1) throw;
      workers /= 2;
    }
    std::vector<int64_t> rest;
    for (size_t i = 0; i < left.size(); ++i) {
      if (done[i] == 0) rest.push_back(left[i]);
    }
    left = std::move(rest);
    if (released) released(workers);
  }
  return workers;
}

void request_interrupt() noexcept {
  interrupt.store(true);
}
bool interrupt_requested() noexcept {
  return interrupt.load();
}
void clear_interrupt() noexcept {
  interrupt.store(false);
}

}  // namespace expunge
