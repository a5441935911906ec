// expunge desk serve: the desk's page, on this machine.

#include <chrono>
#include <cstdio>
#include <thread>

#include "desk.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"
#include "expunge/desk/server.h"
#include "usage.h"

namespace expunge::app {
namespace {

struct ServeFlags {
  std::string desk, token_file;
  int port = 8017;
};

std::string token_in(const std::string& path) {
  constexpr size_t least = 16;
  auto token = read_file(path);
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.size() < least || token.find_first_of("\r\n") != std::string::npos) {
    fail<InputError>("{}: one line of at least {} characters required, got {}", path, least,
                     token.size());
  }
  return token;
}

void serve(const ServeFlags& flags) {
  desk::DeskServer server(flags.desk, flags.token_file.empty() ? "" : token_in(flags.token_file));
  const int port = server.bind(flags.port);
  std::printf("http://127.0.0.1:%d/ (%s; Ctrl-C ends it)\n", port,
              flags.token_file.empty() ? "only reading: --token-file lets it record requests"
                                       : "changes need the token");
  std::fflush(stdout);
  std::thread watch([&] {
    while (!interrupt_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    server.stop();
  });
  server.run();
  request_interrupt();
  watch.join();
}

}  // namespace

void register_desk_serve(CLI::App& parent) {
  const auto flags = std::make_shared<ServeFlags>();
  auto* command = parent.add_subcommand(
      "serve", "Show the desk as a page on this machine: requests, versions, certificates");
  command->add_option("desk", flags->desk, "Folder of the desk")->required();
  command->add_option("--port", flags->port, "Port on 127.0.0.1; 0 for any that is free [8017]")
      ->check(CLI::Range(0, 65535));
  command->add_option(
      "--token-file", flags->token_file,
      "File with a secret line of 16 characters or more, without which nothing can be changed "
      "[nothing can be changed]");
  command->callback([flags] { serve(*flags); });
}

}  // namespace expunge::app
