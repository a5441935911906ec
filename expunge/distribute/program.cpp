#include "expunge/distribute/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "expunge/core/error.h"
#include "expunge/core/system_calls.h"

extern char** environ;

namespace expunge {
namespace {

using Clock = std::chrono::steady_clock;

// A pipe that no program inherits but the one whose end it is.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) fail<SystemError>("pipe: {}", system_message(errno));
  }
  ~Pipe() {
    close_writer();
    ::close(ends_[0]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] int reader() const { return ends_[0]; }
  [[nodiscard]] int writer() const { return ends_[1]; }
  void close_writer() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Reads both pipes to their ends; false if that takes until the deadline.
bool drain(Pipe& out, Pipe& err, ProgramResult& result, Clock::time_point deadline) {
  pollfd polled[2] = {{out.reader(), POLLIN, 0}, {err.reader(), POLLIN, 0}};
  std::string* texts[2] = {&result.output, &result.error};
  int open = 2;
  while (open > 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    if (::poll(polled, 2, static_cast<int>(left)) < 0 && errno != EINTR)
      fail<SystemError>("poll: {}", system_message(errno));
    for (int i = 0; i < 2; ++i) {
      if (polled[i].fd < 0 || polled[i].revents == 0) continue;
      char bytes[4096];
      const ssize_t got = ::read(polled[i].fd, bytes, sizeof bytes);
      if (got < 0 && errno == EINTR) continue;
      if (got > 0) {
        texts[i]->append(bytes, static_cast<size_t>(got));
        continue;
      }
      polled[i].fd = -1;
      --open;
    }
  }
  return true;
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments, int seconds) {
  Pipe out;
  Pipe err;
  SpawnActions actions;
  ::posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(actions.get(), out.writer(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(actions.get(), err.writer(), STDERR_FILENO);
  std::vector<char*> words;
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0], actions.get(), nullptr, words.data(), environ);
  if (error != 0) fail_system(arguments[0], "cannot be started", error);
  out.close_writer();
  err.close_writer();
  ProgramResult result;
  const bool done = drain(out, err, result, Clock::now() + std::chrono::seconds(seconds));
  if (!done) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!done) fail<SystemError>("{}: no answer within {} s", arguments[0], seconds);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

bool is_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto file = std::filesystem::path(folder.empty() ? "." : folder) / name;
    std::error_code none;
    if (std::filesystem::is_regular_file(file, none) && ::access(file.c_str(), X_OK) == 0)
      return true;
  }
  return false;
}

}  // namespace expunge
