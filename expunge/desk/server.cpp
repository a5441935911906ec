#include "expunge/desk/server.h"

#include <httplib.h>

#include <charconv>
#include <functional>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/desk/desk.h"
#include "expunge/desk/desk_page.h"
#include "expunge/desk/signatures.h"

namespace expunge::desk {
namespace {

constexpr size_t kMostBody = 64 << 10;  // bytes
constexpr time_t kMostSeconds = 10;     // of a silent connection
constexpr const char* kHtml = "text/html; charset=utf-8";

/// A request that is answered by a problem.
class Refusal : public InputError {
 public:
  Refusal(int status, const std::string& what) : InputError(what), status_(status) {}
  [[nodiscard]] int status() const { return status_; }

 private:
  int status_;
};

int64_t whole_number(const std::string& text, const char* name) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw Refusal(400,
                  fmt::format("{}: a whole number required, got \"{}\"", name, text.substr(0, 40)));
  return value;
}

std::vector<int64_t> whole_numbers(const std::string& text) {
  std::vector<int64_t> numbers;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    auto part = text.substr(begin, comma - begin);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    numbers.push_back(whole_number(part, "examples"));
    begin = comma + 1;
  }
  return numbers;
}

}  // namespace

struct DeskServer::Parts {
  DeskFolder folder;
  std::string token;
  httplib::Server server;
  int port = 0;

  Parts(std::filesystem::path path, std::string given)
      : folder(std::move(path)), token(std::move(given)) {}

  // Each answer by a ledger of its own: connections are not shared between threads.
  template <class Answer>
  httplib::Server::Handler answered(Answer answer) {
    return [this, answer](const httplib::Request& request, httplib::Response& response) {
      try {
        answer(request, response);
      } catch (const Refusal& refusal) {
        problem(response, refusal.status(), refusal.what());
      } catch (const InputError& error) {
        problem(response, 400, error.what());
      } catch (const std::exception& error) {
        problem(response, 500, error.what());
      }
    };
  }

  static void problem(httplib::Response& response, int status, const std::string& what) {
    response.status = status;
    response.set_content(render_problem(status == 404 ? "Not here" : "Not done", what), kHtml);
  }

  // Names by which this page may be addressed: others are a web page elsewhere that has this address renamed.
  [[nodiscard]] bool is_own_host(const std::string& host) const {
    return host == fmt::format("127.0.0.1:{}", port) || host == fmt::format("localhost:{}", port);
  }

  void check_writer(const httplib::Request& request) const {
    if (token.empty())
      throw Refusal(403, "This page only reads: expunge desk serve was started without a token.");
    const auto origin = request.get_header_value("Origin");
    if (!origin.empty() && !(origin.starts_with("http://") && is_own_host(origin.substr(7))))
      throw Refusal(403, "The form must be this page's own.");
    if (!same_secret(request.get_param_value("token"), token))
      throw Refusal(403, "The token is another one.");
  }

  void send_file(httplib::Response& response, const std::filesystem::path& path,
                 const char* type) const {
    if (!std::filesystem::is_regular_file(path)) throw Refusal(404, "There is no such version.");
    response.set_content(read_file(path), type);
  }

  [[nodiscard]] int64_t version_of(const httplib::Request& request) const {
    return whole_number(request.matches[1].str(), "version");
  }

  void ask(const httplib::Request& request, httplib::Response& response) const {
    check_writer(request);
    Desk desk(folder.path());
    const auto key = request.get_param_value("key");
    const auto examples = key.empty() ? whole_numbers(request.get_param_value("ids"))
                                      : desk.ledger().examples_of_key(key);
    const auto made = desk.ledger().ask(examples, !key.empty(), random_hex(16));
    response.set_content(
        render_desk(desk, true,
                    fmt::format("Request {} is recorded. Its receipt: {}", made.id, made.receipt)),
        kHtml);
  }

  void withdraw(const httplib::Request& request, httplib::Response& response) const {
    check_writer(request);
    Desk desk(folder.path());
    const auto id = whole_number(request.get_param_value("request"), "request");
    desk.ledger().withdraw(id);
    response.set_content(render_desk(desk, true, fmt::format("Request {} is withdrawn.", id)),
                         kHtml);
  }

  void set_up() {
    server.set_payload_max_length(kMostBody);
    server.set_read_timeout(kMostSeconds);
    server.set_write_timeout(kMostSeconds);
    server.set_keep_alive_max_count(20);
    server.new_task_queue = [] { return new httplib::ThreadPool(4); };
    server.set_default_headers({{"X-Content-Type-Options", "nosniff"},
                                {"X-Frame-Options", "DENY"},
                                {"Referrer-Policy", "no-referrer"},
                                {"Cross-Origin-Resource-Policy", "same-origin"},
                                {"Cache-Control", "no-store"}});
    server.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          if (is_own_host(request.get_header_value("Host")))
            return httplib::Server::HandlerResponse::Unhandled;
          problem(response, 403, "This page is for this machine only.");
          return httplib::Server::HandlerResponse::Handled;
        });
    server.Get("/", answered([this](const auto&, auto& response) {
                 response.set_content(
                     render_desk(Desk(folder.path(), Desk::Access::read), !token.empty()), kHtml);
               }));
    server.Get(R"(/versions/(\d{1,9}))", answered([this](const auto& request, auto& response) {
                 send_file(response, folder.page(version_of(request)), kHtml);
               }));
    server.Get(R"(/versions/(\d{1,9})/certificate\.json)",
               answered([this](const auto& request, auto& response) {
                 send_file(response, folder.certificate(version_of(request)), "application/json");
               }));
    server.Get(R"(/versions/(\d{1,9})/certificate\.sig)",
               answered([this](const auto& request, auto& response) {
                 send_file(response, folder.signature(version_of(request)),
                           "application/octet-stream");
               }));
    server.Get("/public.pem", answered([this](const auto&, auto& response) {
                 send_file(response, folder.public_key(), "application/x-pem-file");
               }));
    server.Post("/requests",
                answered([this](const auto& request, auto& response) { ask(request, response); }));
    server.Post("/withdraw", answered([this](const auto& request, auto& response) {
                  withdraw(request, response);
                }));
    server.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (response.body.empty()) {
        problem(response, response.status,
                response.status == 413 ? "The request is too large." : "There is no such page.");
      }
    });
  }
};

DeskServer::DeskServer(std::filesystem::path folder, std::string token)
    : parts_(std::make_unique<Parts>(std::move(folder), std::move(token))) {
  [[maybe_unused]] const Desk is_there(parts_->folder.path(), Desk::Access::read);
  parts_->set_up();
}

DeskServer::~DeskServer() = default;

int DeskServer::bind(int port) {
  auto& server = parts_->server;
  // The library's own choice lets a second server share the port (SO_REUSEPORT).
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  const bool any = port == 0;
  const int bound = any ? server.bind_to_any_port("127.0.0.1") : port;
  if (bound < 0 || (!any && !server.bind_to_port("127.0.0.1", port)))
    fail<SystemError>("127.0.0.1:{}: cannot be listened at; another program may have the port",
                      port);
  parts_->port = bound;
  return bound;
}

void DeskServer::run() {
  parts_->server.listen_after_bind();
}

void DeskServer::stop() {
  parts_->server.stop();
}

}  // namespace expunge::desk
