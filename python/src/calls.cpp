#include "calls.h"

#include <csignal>

#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"

namespace expunge::python {
namespace {

// Changed with the interpreter's lock held, but for the handler, which reads what was there before it was
// installed.
int depth = 0;
bool is_installed = false;
struct sigaction python_handler {};

void on_interrupt(int signal, siginfo_t* info, void* context) {
  request_interrupt();
  if ((python_handler.sa_flags & SA_SIGINFO) != 0) {
    python_handler.sa_sigaction(signal, info, context);
  } else {
    python_handler.sa_handler(signal);
  }
}

}  // namespace

StopOnInterrupt::StopOnInterrupt() {
  if (depth++ > 0) return;
  sigaction(SIGINT, nullptr, &python_handler);
  const bool is_handled =
      (python_handler.sa_flags & SA_SIGINFO) != 0 ||
      (python_handler.sa_handler != SIG_DFL && python_handler.sa_handler != SIG_IGN);
  if (!is_handled) return;
  struct sigaction ours {};
  ours.sa_sigaction = on_interrupt;
  ours.sa_flags = python_handler.sa_flags | SA_SIGINFO;
  ours.sa_mask = python_handler.sa_mask;
  is_installed = sigaction(SIGINT, &ours, nullptr) == 0;
}

StopOnInterrupt::~StopOnInterrupt() {
  if (--depth > 0) return;
  if (is_installed) sigaction(SIGINT, &python_handler, nullptr);
  is_installed = false;
  clear_interrupt();
}

void PythonProgress::update(std::string_view task, int64_t done, int64_t total, int64_t resumed) {
  const py::gil_scoped_acquire gil;
  callback_(std::string(task), done, total, resumed);
}

std::unique_ptr<ProgressSink> progress_of(const py::object& callback) {
  if (callback.is_none()) return nullptr;
  if (PyCallable_Check(callback.ptr()) == 0)
    fail<InputError>("progress: a function (task, done, total, resumed) or None required");
  return std::make_unique<PythonProgress>(callback);
}

}  // namespace expunge::python
