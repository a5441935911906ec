// Parts of a test that run in a process of their own: to be killed, or to meet a full disk.
#pragma once

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

namespace expunge {

/// Starts a process that runs `action`, and exits with 0 if nothing in it throws or fails.
template <class Action>
pid_t start_child(const Action& action) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  // The threads of the parent's LibTorch are not there.
  at::set_num_threads(1);
  try {
    action();
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
  std::fflush(nullptr);
  ::_exit(testing::Test::HasFailure() ? 1 : 0);
}

/// The status of waitpid, 0 for success.
inline int status_of(pid_t child) {
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

template <class Action>
void expect_success_in_child(const Action& action) {
  EXPECT_EQ(status_of(start_child(action)), 0);
}

/// From here on, a write past that many bytes of a file fails, as on a full disk; with EFBIG
/// instead of ENOSPC.
inline void limit_file_size(rlim_t bytes) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
}
inline void lift_file_size_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
}

}  // namespace expunge
