// render_certificate(): the page of a certificate, for readers who are no engineers.

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"
#include "expunge/core/json_number.h"
#include "expunge/desk/certificate.h"
#include "expunge/report/escape.h"
#include "expunge/report/page_html.h"
#include "expunge/report/report_style.h"
#include "expunge/report/report_words.h"

namespace expunge::desk {
namespace {

// A number of things: whole, not below 0, and small enough to be added to another.
int64_t count_of(const Json& value) {
  constexpr int64_t most = int64_t{1} << 53;
  if (value.is_number() && (value.get<double>() < 0 || value.get<double>() > most))
    fail<InputError>("a number from 0 to {} required, got {}", most, value.dump());
  return value.is_number_float() ? std::llround(value.get<double>()) : whole_number(value);
}

std::string paragraph(const std::string& text) {
  return "<p>" + escape_markup(text) + "</p>\n";
}

std::string list_html(const Json& entries) {
  std::string html = "<ul>\n";
  for (const auto& entry : entries)
    html += "<li>" + escape_markup(entry.get<std::string>()) + "</li>\n";
  return html + "</ul>\n";
}

std::string definitions(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string html = "<dl>\n";
  for (const auto& [name, value] : entries) {
    html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_markup(name),
                        escape_markup(value));
  }
  return html + "</dl>\n";
}

std::string number_text(const Json& value) {
  return value.is_null() ? "-" : fmt::format("{:.2f}", value.get<double>());
}

std::string interval_text(const Json& interval) {
  return fmt::format("{} ({} to {})", number_text(interval.at("value")),
                     number_text(interval.at("low")), number_text(interval.at("high")));
}

// "2026-01-31T12:00:00Z" -> "2026-01-31 12:00 UTC"
std::string day_and_time(const std::string& time) {
  if (time.size() != 20) return time;
  return time.substr(0, 10) + " " + time.substr(11, 5) + " UTC";
}

std::string all_settings(const Json& options) {
  std::string html = "<div class=\"settings\">\n";
  for (const auto& [group, values] : options.items()) {
    std::vector<std::pair<std::string, std::string>> entries;
    for (const auto& [name, value] : values.items())
      entries.emplace_back(name, value.get<std::string>());
    html += fmt::format("<div><h3>{}</h3>{}</div>\n", escape_markup(group), definitions(entries));
  }
  return html + "</div>\n";
}

std::string distance_section(const Json& json) {
  const auto& prediction = json.at("prediction");
  std::string html = "<section>\n<h2>How close to retraining</h2>\n";
  html += paragraph(
      "The safe way to remove examples is to train the model again without them. It was not done "
      "here. "
      "Instead the model was brought to where such a model is predicted to be. The table says how "
      "far from models trained again the result is expected to be, and in brackets between which "
      "values it should "
      "lie; below stands how often it did in a test. Lower is nearer.");
  TextTable table({{"where", Align::left},
                   {"expected distance (KLoM, nats)"},
                   {"error of margins (std. dev.)"}});
  const auto& errors = prediction.at("margin_error");
  for (const auto& [key, name] : {std::pair("removed_now", "on the examples of this request"),
                                  std::pair("retained", "on the examples that remain"),
                                  std::pair("validation", "on new examples")})
    table.add_row({name, interval_text(prediction.at(key)), interval_text(errors.at(key))});
  html += table_html(table, "expected distance");
  html += fmt::format("<p class=\"files\">KLoM: {}. {}</p>\n",
                      escape_markup(prediction.at("what").get<std::string>()),
                      escape_markup(prediction.at("calibration").get<std::string>()));
  const auto& budget = json.at("budget");
  html += paragraph(fmt::format(
      "Budget: an expected distance of {} nats is allowed before new models are due; the desk is "
      "at {}. "
      "Beyond {} it refuses to go on{}.",
      value_text(budget.at("budget").get<double>()), number_text(budget.at("level")),
      value_text(budget.at("hard_limit").get<double>()),
      budget.at("past_limit_by_order").get<bool>() ? ", and was told to go on all the same" : ""));
  html += warnings_html(prediction.at("warnings").get<std::vector<std::string>>());
  const auto& audit = json.at("audit");
  html += "<h3>An attack on the result</h3>\n";
  if (count_of(audit.at("examples")) == 0) {
    html += paragraph("Not made: too few subset models saw, or went without, these examples.");
  } else {
    html += paragraph(fmt::format(
        "An attacker who knows how models behave with and without each example was asked whether "
        "the model was "
        "trained on it. Of {}, the attack says so of {} before the removal and of {} after it. Of "
        "models "
        "that truly went without an example it says so in {} of cases, of models that were trained "
        "on it in {}.",
        counted(count_of(audit.at("examples")), "example"),
        share_text(audit.at("before").get<double>()), share_text(audit.at("after").get<double>()),
        share_text(audit.at("models_without_them").get<double>()),
        share_text(audit.at("models_with_them").get<double>())));
  }
  return html + "</section>\n";
}

std::string carrying_section(const Json& json) {
  std::string html = "<section>\n<h2>What still carries the removed examples</h2>\n";
  html += paragraph(json.at("erasure").get<std::string>());
  html += "<dl>\n";
  for (const auto& entry : json.at("still_carrying")) {
    const bool erased = entry.contains("erased");
    html += fmt::format(
        "<div><dt>{}</dt><dd>{}</dd></div>\n", escape_markup(entry.at("what").get<std::string>()),
        escape_markup(erased
                          ? "Erased on " + day_and_time(entry.at("erased").get<std::string>()) + "."
                          : "Can be erased. " + entry.at("without_it").get<std::string>()));
  }
  return html + "</dl>\n</section>\n";
}

std::string removed_section(const Json& json) {
  std::string html = "<section>\n<h2>The removed examples</h2>\n";
  html += paragraph(
      "By their number in the training set, and a fingerprint that only somebody with both the "
      "example and the "
      "receipt of the request can make again.");
  TextTable table({{"example"}, {"fingerprint (SHA-256)", Align::left}});
  for (const auto& entry : json.at("removed")) {
    table.add_row(
        {fmt::to_string(count_of(entry.at("example"))), entry.at("digest").get<std::string>()});
  }
  return html + table_html(table, "removed examples") + "</section>\n";
}

std::string checking_section(const Json& json) {
  std::string html = "<section>\n<h2>How to check this certificate</h2>\n";
  html += paragraph(
      "This page is for reading, and signed by certificate.html.sig. All numbers are in the file "
      "certificate.json beside it, which is signed, too. Anybody can check it with the public key, "
      "which "
      "should come from the holder by another way:");
  html +=
      "<pre tabindex=\"0\"><code>openssl pkeyutl -verify -pubin -inkey public.pem -rawin \\\n"
      "  -in certificate.json -sigfile certificate.sig\nsha256sum model.safetensors</code></pre>\n";
  std::vector<std::pair<std::string, std::string>> entries = {
      {"model now, SHA-256", json.at("model_sha256").get<std::string>()}};
  if (!json.at("previous").is_null()) {
    const auto& previous = json.at("previous");
    entries.emplace_back("model before, SHA-256", previous.at("model_sha256").get<std::string>());
    entries.emplace_back("certificate before, SHA-256",
                         previous.at("certificate_sha256").get<std::string>());
  }
  return html + definitions(entries) + "</section>\n";
}

std::string software_section(const Json& json, const Json& options) {
  std::vector<std::pair<std::string, std::string>> software;
  for (const auto& [name, value] : json.at("software").items())
    software.emplace_back(name, value.get<std::string>());
  return "<section>\n<h2>Settings and software</h2>\n" + definitions(software) +
         all_settings(options) + "</section>\n";
}

std::string render_opening(const Json& json) {
  std::string html = page_opening("Opening certificate", report_style());
  html += page_heading(
      "expunge desk", "Opening certificate",
      fmt::format("Desk {}, {}", json.at("desk").get<std::string>(),
                  day_and_time(json.at("created").get<std::string>())),
      fmt::format(
          "<p class=\"lead\">The model from which examples are going to be removed, trained on {}. "
          "Nothing has been removed from it yet.</p>\n",
          escape_markup(counted(count_of(json.at("examples")), "example"))));
  html += checking_section(json) + software_section(json, json.at("options"));
  return html + page_ending();
}

std::string render_removal(const Json& json) {
  const auto version = whole_number(json.at("version"));
  const auto count = std::ssize(json.at("removed"));
  const auto& request = json.at("request");
  const auto& method = json.at("method");
  const auto& cost = json.at("cost");
  std::string html =
      page_opening(fmt::format("Certificate of removal, version {}", version), report_style());
  html += page_heading(
      "expunge desk", fmt::format("Certificate of removal, version {}", version),
      fmt::format("Desk {}, {}", json.at("desk").get<std::string>(),
                  day_and_time(json.at("created").get<std::string>())),
      fmt::format("<p class=\"lead\"><strong>{}</strong> {} removed from the model by prediction "
                  "and matching, without "
                  "training it again. {} of its {} training examples remain.</p>\n",
                  escape_markup(counted(count, "example")), count == 1 ? "was" : "were",
                  escape_markup(count_text(count_of(json.at("remaining")))),
                  escape_markup(count_text(count_of(json.at("remaining")) +
                                           count_of(json.at("removed_in_all"))))));
  html += "<section>\n<h2>What was done</h2>\n";
  std::vector<std::pair<std::string, std::string>> done = {
      {"request",
       fmt::format("number {}, received {}, named by {}; {}", count_of(request.at("number")),
                   day_and_time(request.at("received").get<std::string>()),
                   request.at("named_by").get<std::string>(),
                   counted(count_of(request.at("examples")), "example"))}};
  if (const auto earlier = count_of(request.at("removed_earlier")); earlier > 0)
    done.emplace_back("of these",
                      fmt::format("{} had been removed by an earlier request", earlier));
  done.insert(done.end(),
              {{"removed so far", counted(count_of(json.at("removed_in_all")), "example")},
               {"method", method.at("name").get<std::string>()},
               {"prediction", fmt::format("{}, for {}", method.at("prediction").get<std::string>(),
                                          method.at("predicted_for").get<std::string>())},
               {"started from", method.at("started_from").get<std::string>()},
               {"read", method.at("read").get<std::string>()},
               {"cost", fmt::format("{} of a training ({} sample gradients, {:.1f} s)",
                                    cost.at("share_of_training").is_null()
                                        ? "-"
                                        : share_text(cost.at("share_of_training").get<double>()),
                                    count_text(count_of(cost.at("sample_gradients"))),
                                    cost.at("seconds").get<double>())},
               {"outputs on these examples",
                fmt::format("from {} to {} nats (root mean square) off their predicted values",
                            number_text(method.at("logit_error_before")),
                            number_text(method.at("logit_error_after")))}});
  html += definitions(done) + "</section>\n";
  html += distance_section(json);
  html += "<section>\n<h2>What is not promised</h2>\n" + list_html(json.at("not_promised")) +
          "</section>\n";
  html += carrying_section(json) + removed_section(json) + checking_section(json);
  const Json options = {{"matching", method.at("matching")},
                        {"attribution", method.at("attribution")},
                        {"desk", method.at("desk")}};
  return html + software_section(json, options) + page_ending();
}

}  // namespace

std::string render_certificate(const std::string& text, const std::string& where) {
  try {
    const auto json = Json::parse(text);
    return whole_number(json.at("version")) == 0 ? render_opening(json) : render_removal(json);
  } catch (const nlohmann::json::exception&) {
    fail<InputError>("{}: a certificate required, this is none", where);
  } catch (const InputError& error) {
    fail<InputError>("{}: {}", where, error.what());
  }
}

}  // namespace expunge::desk
