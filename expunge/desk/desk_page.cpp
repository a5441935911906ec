#include "expunge/desk/desk_page.h"

#include "expunge/core/error.h"
#include "expunge/desk/status.h"
#include "expunge/report/escape.h"
#include "expunge/report/page_html.h"
#include "expunge/report/report_style.h"
#include "expunge/report/report_words.h"

namespace expunge::desk {
namespace {

constexpr const char* kFormStyle = R"css(
form{margin-top:14px;display:grid;gap:12px;max-width:420px}
label{display:grid;gap:4px;font-size:.9rem;color:var(--muted)}
input{font:inherit;color:var(--text);background:var(--surface);border:1px solid var(--muted);border-radius:5px;
padding:7px 9px;width:100%}
button{font:inherit;color:var(--text);background:var(--surface);border:1px solid var(--text);border-radius:5px;
padding:8px 14px;justify-self:start;cursor:pointer}
button:focus-visible,input:focus-visible{outline:2px solid var(--oracle);outline-offset:2px}
.forms{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:8px 48px}
)css";

std::string field(const char* name, const char* words, const char* more = "") {
  return fmt::format("<label>{}<input name=\"{}\" autocomplete=\"off\" {}></label>\n", words, name,
                     more);
}

std::string forms() {
  const auto token = field("token", "Token", "type=\"password\" required");
  return "<section>\n<h2>Ask for a deletion</h2>\n<div class=\"forms\">\n<div><h3>By index</h3>\n"
         "<form method=\"post\" action=\"/requests\">\n" +
         field("ids", "Training examples, apart by commas", "required inputmode=\"numeric\"") +
         token +
         "<button>Record the request</button>\n</form></div>\n<div><h3>By a user's key</h3>\n"
         "<form method=\"post\" action=\"/requests\">\n" +
         field("key", "Key", "required") + token +
         "<button>Record the request</button>\n</form></div>\n<div><h3>Withdraw</h3>\n"
         "<form method=\"post\" action=\"/withdraw\">\n" +
         field("request", "Number of a pending request", "required inputmode=\"numeric\"") + token +
         "<button>Withdraw it</button>\n</form></div>\n</div>\n"
         "<p class=\"files\">Requests are processed by the command <code>expunge desk "
         "process</code>, not from "
         "this page.</p>\n</section>\n";
}

std::string certificates(const Desk& desk) {
  std::string html = "<nav aria-label=\"Certificates\"><ul>\n";
  const auto versions = desk.ledger().versions();
  for (auto v = versions.rbegin(); v != versions.rend(); ++v) {
    const auto name = v->version == 0 ? std::string("Opening certificate")
                                      : fmt::format("Certificate of version {}", v->version);
    html += fmt::format(
        "<li><a href=\"/versions/{0}\">{1}</a>, <a "
        "href=\"/versions/{0}/certificate.json\">JSON</a>, "
        "<a href=\"/versions/{0}/certificate.sig\">signature</a></li>\n",
        v->version, name);
  }
  return html + "<li><a href=\"/public.pem\">Public key</a></li>\n</ul></nav>\n";
}

std::string event_list(const Ledger& ledger) {
  constexpr size_t kMostEvents = 100;
  auto events = ledger.events();
  TextTable table({{"when", Align::left}, {"what", Align::left}, {"request"}, {"version"}});
  const size_t shown = std::min(events.size(), kMostEvents);
  for (size_t k = 1; k <= shown; ++k) {
    const auto& event = events[events.size() - k];
    table.add_row({event.at, event.what, event.request ? fmt::to_string(*event.request) : "",
                   event.version ? fmt::to_string(*event.version) : ""});
  }
  return "<section>\n<h2>What happened</h2>\n" + table_html(table, "events") + "</section>\n";
}

}  // namespace

std::string render_desk(const Desk& desk, bool can_write, const std::string& notice) {
  const auto& ledger = desk.ledger();
  const auto newest = ledger.newest().version;
  const auto removed = std::ssize(ledger.removed_up_to(newest));
  std::string html = page_opening("Deletion desk", report_style() + kFormStyle);
  html += page_heading("expunge desk", fmt::format("Deletion desk: {}", ledger.fact("name")),
                       fmt::format("Desk {}", ledger.fact("id")),
                       fmt::format("<p class=\"lead\">{} removed so far, {} remain; the model is "
                                   "at <strong>version {}</strong>. "
                                   "{}</p>\n",
                                   escape_markup(counted(removed, "example")),
                                   escape_markup(count_text(ledger.examples() - removed)), newest,
                                   escape_markup(budget_words(desk))));
  if (!notice.empty())
    html += fmt::format("<p class=\"result\" role=\"status\"><strong>{}</strong></p>\n",
                        escape_markup(notice));
  html += warnings_html(unfinished(desk));
  html += "<section>\n<h2>Versions</h2>\n<div class=\"split\"><figure><div class=\"wide\">" +
          budget_picture(desk).embedded() + "</div></figure>\n" + certificates(desk) + "</div>\n" +
          table_html(version_table(desk), "versions") + "</section>\n";
  html += "<section>\n<h2>Requests</h2>\n";
  const auto requests = request_table(desk);
  html += requests.rows().empty() ? "<p>None yet.</p>\n" : table_html(requests, "requests");
  html += "</section>\n";
  if (can_write) html += forms();
  html += event_list(ledger);
  return html + page_ending();
}

std::string render_problem(const std::string& title, const std::string& what) {
  return page_opening(title, report_style()) +
         page_heading(
             "expunge desk", title, "",
             fmt::format("<p class=\"lead\">{}</p>\n<p><a href=\"/\">Back to the desk</a></p>\n",
                         escape_markup(what))) +
         page_ending();
}

}  // namespace expunge::desk
