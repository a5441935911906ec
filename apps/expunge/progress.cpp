// Progress on standard error: a bar on a terminal, now and then a line elsewhere.

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <mutex>

#include "command.h"

namespace expunge::app {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string time_text(double seconds) {
  const auto s = std::llround(seconds);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

class StderrProgress final : public ProgressSink {
 public:
  StderrProgress() : on_terminal_(::isatty(STDERR_FILENO) != 0) {}

  void update(std::string_view task, int64_t done, int64_t total, int64_t resumed) override {
    const std::lock_guard lock(mutex_);
    if (task != task_) {
      task_ = task;
      start_ = Clock::now();
      shown_ = -1;
    }
    const double elapsed = seconds_since(start_);
    const double interval = on_terminal_ ? 0.1 : 10;
    const bool last = done == total;
    if (!last && shown_ >= 0 && elapsed - shown_ < interval) return;
    if (!on_terminal_ && done == resumed && !last) return;
    shown_ = elapsed;
    on_terminal_ ? draw_bar(done, total, resumed, elapsed)
                 : print_line(done, total, resumed, elapsed);
  }

 private:
  [[nodiscard]] std::string rest_of_line(int64_t done, int64_t total, int64_t resumed,
                                         double elapsed) const {
    if (done == total) {
      if (resumed == total) return "there already";
      return fmt::format("{} ({:.2g} a second)", time_text(elapsed),
                         static_cast<double>(done - resumed) / elapsed);
    }
    if (done == resumed) return resumed > 0 ? fmt::format("going on from {}", resumed) : "";
    const double rate = static_cast<double>(done - resumed) / elapsed;
    return fmt::format("{:.2g} a second, {} left", rate,
                       time_text(static_cast<double>(total - done) / rate));
  }

  void draw_bar(int64_t done, int64_t total, int64_t resumed, double elapsed) const {
    winsize size{};
    const int columns =
        ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    const auto counts = fmt::format("{:>5}/{}", done, total);
    const auto rest = rest_of_line(done, total, resumed, elapsed);
    const int room = columns - 24 - static_cast<int>(counts.size()) - 34;
    std::string bar;
    if (room >= 8) {
      const auto filled = static_cast<int>(total > 0 ? room * done / total : room);
      for (int i = 0; i < room; ++i) bar += i < filled ? "█" : "·";
      bar += ' ';
    }
    std::fprintf(stderr, "\r\033[K%-22s %s%s  %s%s", task_.c_str(), bar.c_str(), counts.c_str(),
                 rest.c_str(), done == total ? "\n" : "");
    std::fflush(stderr);
  }

  void print_line(int64_t done, int64_t total, int64_t resumed, double elapsed) const {
    std::fprintf(stderr, "%s: %lld/%lld, %s\n", task_.c_str(), static_cast<long long>(done),
                 static_cast<long long>(total),
                 rest_of_line(done, total, resumed, elapsed).c_str());
  }

  bool on_terminal_;
  std::mutex mutex_;
  std::string task_;
  Clock::time_point start_;
  double shown_ = -1;
};

class NoProgress final : public ProgressSink {
 public:
  void update(std::string_view, int64_t, int64_t, int64_t) override {}
};

}  // namespace

std::unique_ptr<ProgressSink> make_progress(const CommonFlags& flags) {
  if (flags.quiet) return std::make_unique<NoProgress>();
  return std::make_unique<StderrProgress>();
}

}  // namespace expunge::app
