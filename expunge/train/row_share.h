// Which rows of a store a process fills, where several fill it side by side.
#pragma once

#include <cstdint>

#include "expunge/core/error.h"

namespace expunge {

/// Every `tasks`-th row. Tasks agree on their rows without talking to each other; rows cost alike.
struct RowShare {
  int64_t task = 0;  // of [0, tasks)
  int64_t tasks = 1;
  int64_t offset =
      0;  // rows of the stores before this one, so that over several stores, too, tasks
          // differ by one row at most

  [[nodiscard]] bool is_whole() const { return tasks == 1; }
  [[nodiscard]] bool holds(int64_t row) const { return (offset + row) % tasks == task; }
  /// The same task's share of the store that comes after one of `models` rows.
  [[nodiscard]] RowShare after(int64_t models) const {
    return {.task = task, .tasks = tasks, .offset = (offset + models) % tasks};
  }
  /// OptionError unless the task is one of them.
  void validate() const {
    if (tasks < 1 || task < 0 || task >= tasks)
      fail<OptionError>("option task: 1 to {} required, got {}", tasks, task + 1);
  }
};

}  // namespace expunge
