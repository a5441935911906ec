// The command line: starts the subcommands and turns what they throw into a line and an exit code.

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/system_calls.h"
#include "expunge/core/worker_pool.h"
#include "startup.h"
#include "usage.h"

namespace {

enum ExitCode : int { success = 0, failure = 1, usage = 2, interrupted = 130 };

// The first Ctrl-C stops at the next finished model; a second one ends the process at once, which
// loses no finished model either.
extern "C" void on_interrupt(int) {
  if (expunge::interrupt_requested()) std::_Exit(interrupted);
  expunge::request_interrupt();
}

int fail_with(int code, const std::string& message) {
  expunge::app::complain(message);
  return code;
}

// What a library's exception says, where it is not one of expunge's.
std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  if (text.find("can't allocate memory") != std::string::npos) return "out of memory";
  return text.substr(0, text.find('\n'));
}

// Results that did not reach their reader are no success, unless it was the reader who left.
int finish() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return success;
  const int error = errno;
  if (error == EPIPE) return success;
  return fail_with(failure, fmt::format("standard output: cannot be written: {}",
                                        expunge::system_message(error)));
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what the handlers themselves throw (no memory) ends the process
int main(int argc, char** argv) {
  expunge::app::prepare_process(argv);
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow further is told by its write, as a full disk is.
  std::signal(SIGXFSZ, SIG_IGN);

  CLI::App app("expunge removes training examples from a trained model, and measures how well.",
               "expunge");
  app.set_version_flag("--version", "expunge " EXPUNGE_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  namespace commands = expunge::app;
  commands::register_quickstart(app);
  commands::register_init(app);
  commands::register_run(app);
  commands::register_train(app);
  commands::register_attribute(app);
  commands::register_unlearn(app);
  commands::register_evaluate(app);
  commands::register_report(app);
  commands::register_fill(app);
  commands::register_launch(app);
  commands::register_status(app);
  commands::register_verify(app);
  commands::register_forecast(app);
  commands::register_sweep(app);
  commands::register_reproduce(app);
  commands::register_klom(app);
  commands::register_ulira(app);
  commands::register_lds(app);
  commands::register_scores(app);
  commands::register_margins(app);
  commands::register_removal_shift(app);
  commands::register_forget_set(app);
  commands::register_import(app);
  commands::register_export(app);
  commands::register_explain(app);
  commands::register_mislabelled(app);
  commands::register_convex(app);
  commands::register_certified(app);
  commands::register_desk(app);
  commands::register_doctor(app);
  commands::register_manual(app);
  commands::register_completion(app);

  try {
    app.parse(argc, argv);
    return finish();
  } catch (const CLI::Success& asked) {  // --help, --version
    app.exit(asked);
    return finish();
  } catch (const CLI::Error& error) {
    return fail_with(usage, expunge::app::explain_usage(app, error, argc, argv));
  } catch (const expunge::Interrupted& error) {
    return fail_with(interrupted,
                     std::string(error.what()) + "; the same command goes on from there");
  } catch (const expunge::OptionError& error) {
    return fail_with(usage, error.what());
  } catch (const expunge::Error& error) {
    return fail_with(failure, error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return fail_with(failure,
                     fmt::format("{}: {}", error.path1().string(), error.code().message()));
  } catch (const std::bad_alloc&) {
    return fail_with(failure, "out of memory");
  } catch (const std::exception& error) {
    return fail_with(failure, first_line(error));
  }
}
