// The desk's page over HTTP, on this machine only.
//
// Binds to 127.0.0.1. A web page from elsewhere that makes a browser come here is refused: the Host must be this
// address, an Origin must be it too. Nothing is changed without the token. Bodies are at most 64 KiB.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace expunge::desk {

class DeskServer {
 public:
  /// `token`: what a form must bring along to change anything; empty for a page that only reads. InputError if the
  /// folder holds no desk.
  DeskServer(std::filesystem::path folder, std::string token);
  ~DeskServer();
  DeskServer(const DeskServer&) = delete;
  DeskServer& operator=(const DeskServer&) = delete;

  /// Takes a port, any free one for 0, and returns it. SystemError if it is taken.
  int bind(int port);
  /// Answers until stop().
  void run();
  /// From any thread.
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace expunge::desk
