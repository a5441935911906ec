// How the library is called from Python: without the interpreter's lock, stopping on Ctrl-C, telling progress.
#pragma once

#include <torch/csrc/utils/pybind.h>

#include <memory>
#include <string_view>
#include <utility>

#include "expunge/core/progress.h"

namespace expunge::python {

/// While it lives, Ctrl-C asks the library to stop as well as telling Python. Made and destroyed with the
/// interpreter's lock held; calls may be nested. Where Python does not handle SIGINT it does nothing.
class StopOnInterrupt {
 public:
  StopOnInterrupt();
  ~StopOnInterrupt();
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;
};

/// What `task` returns, computed without the interpreter's lock.
template <class Task>
auto computed(Task&& task) {
  const StopOnInterrupt stop;
  const py::gil_scoped_release release;
  return std::forward<Task>(task)();
}

/// Tells a Python function (task: str, done: int, total: int, resumed: int), from any thread. What it
/// raises ends the work.
class PythonProgress final : public ProgressSink {
 public:
  explicit PythonProgress(py::object callback) : callback_(std::move(callback)) {}
  void update(std::string_view task, int64_t done, int64_t total, int64_t resumed) override;

 private:
  py::object callback_;
};

/// Null for None. InputError unless it can be called.
std::unique_ptr<ProgressSink> progress_of(const py::object& callback);

}  // namespace expunge::python
