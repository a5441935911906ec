// Work shared out to threads, one task at a time each.
#pragma once

#include <cstdint>
#include <functional>

namespace expunge {

/// Workers that a machine can feed: `requested` if positive, else one per processor that this
/// process may run on (its CPU affinity).
int64_t worker_count(int64_t requested = 0);

/// Calls task(i) for every i in [0, count) on `workers` threads (see worker_count), in order of i
/// as far as threads become free. LibTorch and OpenMP are held to one thread inside a task, so that
/// the result of a task does not depend on the number of workers.
///
/// Returns when all are done. If a task throws, no new task starts, the running ones finish, and
/// the exception of the lowest i is rethrown. If interrupt_requested() becomes true, no new task
/// starts and Interrupted is thrown once the running ones are done.
void parallel_for(int64_t count, int64_t workers, const std::function<void(int64_t)>& task);

/// Calls task() once with LibTorch held to one thread, so that its sums round alike whatever the
/// number of processors. Throws what the task throws.
inline void on_one_thread(const std::function<void()>& task) {
  parallel_for(1, 1, [&](int64_t) { task(); });
}

/// Splits [0, count) into blocks of at most `block` and calls task(begin, end) for each, in
/// parallel.
void parallel_blocks(int64_t count, int64_t block, int64_t workers,
                     const std::function<void(int64_t begin, int64_t end)>& task);

/// As parallel_for, for tasks that may not all fit into a device's memory side by side: when a task
/// throws OutOfMemory (core/device.h), half as many workers go on and the task is tried again; with
/// one worker left the exception is rethrown. `released` is called before each new try, with the
/// number of workers that go on. Returns the number of workers at the end.
int64_t parallel_for_halving(int64_t count, int64_t workers,
                             const std::function<void(int64_t)>& task,
                             const std::function<void(int64_t workers)>& released = {});

/// Asks all running parallel_for calls of the process to stop at the next task. Async-signal-safe.
void request_interrupt() noexcept;
bool interrupt_requested() noexcept;
/// Forgets a request (tests, and long-lived hosts such as Python).
void clear_interrupt() noexcept;

}  // namespace expunge
