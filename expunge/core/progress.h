// How long work tells how far it is; showing it is the application's.
#pragma once

#include <cstdint>
#include <string_view>

namespace expunge {

class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  /// `done` of `total` units of `task` are finished, `resumed` of them before this run. Called from
  /// any thread, one call at a time; the first call of a task has done == resumed.
  virtual void update(std::string_view task, int64_t done, int64_t total, int64_t resumed) = 0;
  /// Unit `row` of `task` is taken up or, if `finished`, done. Called as update() is.
  virtual void row(std::string_view /*task*/, int64_t /*row*/, bool /*finished*/) {}
};

}  // namespace expunge
