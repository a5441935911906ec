#include "expunge/desk/status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "expunge/core/error.h"
#include "expunge/report/report_words.h"
#include "expunge/report/svg_plot.h"

namespace expunge::desk {
namespace {

constexpr std::array<RequestState, 4> kAllStates = {RequestState::pending, RequestState::processing,
                                                    RequestState::processed,
                                                    RequestState::withdrawn};

std::string klom_or_none(const Version& version, double klom) {
  return version.version == 0 ? "-" : fmt::format("{:.2f}", klom);
}

std::map<RequestState, int64_t> counts_of(const std::vector<Request>& requests) {
  std::map<RequestState, int64_t> counts;
  for (const auto& request : requests) ++counts[request.state];
  return counts;
}

}  // namespace

TextTable request_table(const Desk& desk) {
  TextTable table({{"request"},
                   {"received", Align::left},
                   {"examples"},
                   {"named by", Align::left},
                   {"state", Align::left},
                   {"version"}});
  auto requests = desk.ledger().requests();
  std::reverse(requests.begin(), requests.end());
  for (const auto& r : requests) {
    table.add_row({fmt::to_string(r.id), r.received, count_text(std::ssize(r.examples)),
                   r.by_key ? "key" : "index", name_of(r.state),
                   r.version ? fmt::to_string(*r.version) : ""});
  }
  return table;
}

TextTable version_table(const Desk& desk) {
  TextTable table({{"version"},
                   {"made", Align::left},
                   {"removed"},
                   {"predicted KLoM, removed"},
                   {"retained, validation"},
                   {"data erased", Align::left},
                   {"model, SHA-256", Align::left}});
  auto versions = desk.ledger().versions();
  std::reverse(versions.begin(), versions.end());
  for (const auto& v : versions) {
    table.add_row({fmt::to_string(v.version), v.created,
                   count_text(std::ssize(desk.ledger().removed_in(v.version))),
                   klom_or_none(v, v.forget_klom), klom_or_none(v, v.elsewhere_klom),
                   v.version == 0     ? "-"
                   : v.erased.empty() ? "outstanding"
                                      : v.erased,
                   v.model_sha256.substr(0, 16)});
  }
  return table;
}

std::string budget_words(const Desk& desk) {
  const auto budget = budget_of(desk);
  return fmt::format("Predicted error {:.2f} nats, {:.0f}% of the budget of {} (hard limit {}). {}",
                     budget.level, 100 * budget.level / budget.budget, value_text(budget.budget),
                     value_text(budget.hard_limit), recommendation(desk, budget));
}

std::vector<std::string> unfinished(const Desk& desk) {
  std::vector<std::string> sentences;
  if (const auto open = desk.ledger().processing()) {
    sentences.push_back(
        fmt::format("Request {} is being processed as version {}, or was when its process ended; "
                    "expunge desk process goes on.",
                    open->id, *open->version));
  }
  for (const auto& version : desk.ledger().versions()) {
    if (version.erased.empty()) {
      sentences.push_back(fmt::format(
          "The data of what version {} removed are not erased yet; expunge desk process does it.",
          version.version));
    }
  }
  return sentences;
}

SvgCanvas budget_picture(const Desk& desk) {
  const auto versions = desk.ledger().versions();
  const auto budget = budget_of(desk);
  PlotOptions options;
  options.width = 420;
  options.height = 300;
  options.heading = "Predicted error by version";
  options.note = "95th percentile of KLoM, nats";
  options.title = "Predicted error of each version against the budget";
  options.x = {"version",
               AxisScale::linear(0, std::max<double>(4, static_cast<double>(versions.size() - 1))),
               TickFormat::number, 5};
  double highest = budget.hard_limit;
  for (const auto& v : versions) highest = std::max({highest, v.forget_klom, v.elsewhere_klom});
  options.y = {"KLoM P95 (nats)", AxisScale::nice_linear(0, highest), TickFormat::number, 5};
  for (const auto& v : versions) {
    if (v.version == 0) continue;
    options.description += fmt::format("Version {}: {:.2f} on what it removed, {:.2f} elsewhere. ",
                                       v.version, v.forget_klom, v.elsewhere_klom);
  }
  SvgPlot plot(options);
  plot.level(budget.budget, Ink::muted, fmt::format("budget {}", value_text(budget.budget)));
  plot.level(budget.hard_limit, Ink::alert,
             fmt::format("hard limit {}", value_text(budget.hard_limit)));
  std::vector<double> xs, ys;
  for (const auto& v : versions) {
    if (v.version == 0) continue;
    xs.push_back(static_cast<double>(v.version));
    ys.push_back(v.elsewhere_klom);
  }
  if (!xs.empty()) plot.line(xs, ys, Ink::oracle);
  for (const auto& v : versions) {
    if (v.version == 0) continue;
    const bool last = v.version == versions.back().version;
    plot.mark(static_cast<double>(v.version), v.elsewhere_klom, {Ink::oracle, Marker::square},
              last ? "elsewhere" : "");
    plot.mark(static_cast<double>(v.version), v.forget_klom, {Ink::unlearned, Marker::circle},
              last ? "removed" : "");
  }
  return plot.picture();
}

std::string status_text(const Desk& desk) {
  const auto& ledger = desk.ledger();
  const auto requests = ledger.requests();
  const auto counts = counts_of(requests);
  const auto newest = ledger.newest().version;
  std::string text =
      fmt::format("desk {}: {} of {} examples remain, version {} of the model\n", ledger.fact("id"),
                  count_text(ledger.examples() - std::ssize(ledger.removed_up_to(newest))),
                  count_text(ledger.examples()), newest);
  std::vector<std::string> states;
  for (const auto state : kAllStates) {
    if (counts.contains(state))
      states.push_back(fmt::format("{} {}", counts.at(state), name_of(state)));
  }
  text += fmt::format("requests: {}\n{}\n",
                      states.empty() ? "none" : fmt::format("{}", fmt::join(states, ", ")),
                      budget_words(desk));
  for (const auto& sentence : unfinished(desk)) text += sentence + "\n";
  if (!requests.empty()) text += "\n" + request_table(desk).text();
  return text + "\n" + version_table(desk).text();
}

nlohmann::ordered_json request_json(const Request& r) {
  nlohmann::ordered_json json = {
      {"request", r.id},      {"received", r.received},    {"named_by", r.by_key ? "key" : "index"},
      {"receipt", r.receipt}, {"state", name_of(r.state)}, {"examples", r.examples}};
  if (r.version) json["version"] = *r.version;
  return json;
}

nlohmann::ordered_json status_json(const Desk& desk) {
  const auto& ledger = desk.ledger();
  const auto budget = budget_of(desk);
  const auto newest = ledger.newest().version;
  nlohmann::ordered_json json = {
      {"desk", ledger.fact("id")},
      {"examples", ledger.examples()},
      {"remaining", ledger.examples() - std::ssize(ledger.removed_up_to(newest))},
      {"version", newest},
      {"budget",
       {{"level", budget.level},
        {"budget", budget.budget},
        {"hard_limit", budget.hard_limit},
        {"recommendation", recommendation(desk, budget)}}},
      {"unfinished", unfinished(desk)},
      {"requests", nlohmann::ordered_json::array()},
      {"versions", nlohmann::ordered_json::array()}};
  for (const auto& request : ledger.requests()) json["requests"].push_back(request_json(request));
  for (const auto& v : ledger.versions()) {
    nlohmann::ordered_json entry = {{"version", v.version},
                                    {"made", v.created},
                                    {"removed", ledger.removed_in(v.version)},
                                    {"model_sha256", v.model_sha256},
                                    {"certificate_sha256", v.certificate_sha256}};
    if (v.version > 0) {
      entry["predicted_klom"] = {{"removed", v.forget_klom}, {"elsewhere", v.elsewhere_klom}};
      entry["erased"] =
          v.erased.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(v.erased);
    }
    json["versions"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace expunge::desk
