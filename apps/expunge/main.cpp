// The command line: starts the subcommands and turns what they throw into a line and an exit code.

#include <csignal>
#include <cstdio>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"
#include "startup.h"

namespace {

enum ExitCode : int { success = 0, failure = 1, usage = 2, interrupted = 130 };

// The first Ctrl-C stops at the next finished model; a second one ends the process at once, which
// loses no finished model either.
extern "C" void on_interrupt(int) {
  if (expunge::interrupt_requested()) std::_Exit(interrupted);
  expunge::request_interrupt();
}

int fail_with(int code, const std::string& message) {
  std::fprintf(stderr, "expunge: %s\n", message.c_str());
  return code;
}

// What CLI11 complains of as one line, with the nearest known name where one is unknown.
std::string explain(const CLI::App& app, const CLI::Error& error, int argc, char** argv) {
  std::string text = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const CLI::App* command = &app;
    std::vector<std::string> known;
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      known.clear();
      if (command == &app && word.rfind('-', 0) != 0) {
        const CLI::App* found = nullptr;
        for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
          known.push_back(sub->get_name());
          if (sub->get_name() == word) found = sub;
        }
        if (found != nullptr) {
          command = found;
          continue;
        }
        return fmt::format("unknown command \"{}\"; did you mean \"{}\"?", word,
                           expunge::nearest_name(word, known));
      }
      if (word.rfind("--", 0) != 0) continue;
      const std::string name = word.substr(2, word.find('=') - 2);
      for (const auto* option : command->get_options()) {
        for (const auto& long_name : option->get_lnames()) known.push_back(long_name);
      }
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        return fmt::format("unknown option --{}; did you mean --{}?", name,
                           expunge::nearest_name(name, known));
      }
    }
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  expunge::app::prepare_process(argv);
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app("expunge removes training examples from a trained model, and measures how well.",
               "expunge");
  app.set_version_flag("--version", "expunge " EXPUNGE_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  namespace commands = expunge::app;
  commands::register_quickstart(app);
  commands::register_run(app);
  commands::register_train(app);
  commands::register_attribute(app);
  commands::register_unlearn(app);
  commands::register_evaluate(app);
  commands::register_report(app);
  commands::register_klom(app);
  commands::register_margins(app);
  commands::register_removal_shift(app);
  commands::register_doctor(app);

  try {
    app.parse(argc, argv);
    return success;
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::Error& error) {
    return fail_with(usage, explain(app, error, argc, argv));
  } catch (const expunge::Interrupted& error) {
    return fail_with(interrupted,
                     std::string(error.what()) + "; the same command goes on from there");
  } catch (const expunge::OptionError& error) {
    return fail_with(usage, error.what());
  } catch (const std::bad_alloc&) {
    return fail_with(failure, "out of memory");
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return fail_with(failure, text.substr(0, text.find('\n')));
  }
}
