#include "expunge/report/report_words.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"

namespace expunge {
namespace {

/// "1.6 times" in two significant digits, never "1.0 times" for something above 1.
std::string times_text(double ratio) {
  return fmt::format("{:.{}f} times", ratio, ratio < 9.95 ? 1 : 0);
}

double worst_p95(const KlomSummary& klom) {
  double worst = 0;
  for (const auto* score : {&klom.forget, &klom.retain, &klom.validation}) {
    if (score->points > 0) worst = std::max(worst, score->p95);
  }
  return worst;
}

}  // namespace

std::string plain(const Sentence& sentence) {
  std::string text;
  for (const auto& phrase : sentence) text += phrase.text;
  return text;
}

Sentence headline(const ReportData& data) {
  std::string method;
  bool one_method = true;
  double worst = 0, cheapest = INFINITY, dearest = 0, nothing_least = INFINITY, nothing_most = 0;
  bool all_costs = true;
  int64_t sets = 0;
  for (const auto& section : data.forget_sets) {
    const MethodRow* row = find_row(section, MethodRole::unlearner);
    if (row == nullptr || section.floor_p95 <= 0) continue;
    one_method = one_method && (sets == 0 || row->method == method);
    method = row->method;
    ++sets;
    worst = std::max(worst, worst_p95(row->klom) / section.floor_p95);
    if (row->cost_share) {
      cheapest = std::min(cheapest, *row->cost_share);
      dearest = std::max(dearest, *row->cost_share);
    } else {
      all_costs = false;
    }
    if (const MethodRow* nothing = find_row(section, MethodRole::nothing)) {
      nothing_least = std::min(nothing_least, nothing->klom.forget.p95 / section.floor_p95);
      nothing_most = std::max(nothing_most, nothing->klom.forget.p95 / section.floor_p95);
    }
  }
  if (sets == 0) return {};
  Sentence words = {{one_method ? method : "Unlearning"}};
  const std::string where = sets == 1 ? "on forgotten, retained and validation examples alike"
                                      : "on forgotten, retained and validation examples of " +
                                            (sets == 2 ? "both" : fmt::format("all {}", sets)) +
                                            " forget sets";
  if (worst <= 1) {
    words.push_back({" comes "});
    words.push_back({"as close to retraining as retraining comes to itself", true});
    words.push_back({", " + where});
  } else {
    words.push_back({" comes within "});
    // Rounded up: "within" must stay true.
    words.push_back({times_text(std::ceil(worst * 10 - 1e-9) / 10) + " the floor", true});
    words.push_back({" " + where});
  }
  if (all_costs) {
    words.push_back({cheapest == dearest ? ", for " : ", for at most "});
    words.push_back({share_text(dearest) + " of one training", true});
  }
  words.push_back({". "});
  if (nothing_most > 0) {
    const bool same = times_text(nothing_least) == times_text(nothing_most);
    words.push_back(
        {same
             ? fmt::format("Doing nothing is at {} the floor. ", times_text(nothing_least))
             : fmt::format("Doing nothing is at {} to {} the floor. ",
                           times_text(nothing_least).substr(0, times_text(nothing_least).find(' ')),
                           times_text(nothing_most))});
  }
  words.push_back({"The floor is how far retrained models are from other retrained models."});
  return words;
}

Sentence forget_set_result(const ForgetSetSection& section) {
  const MethodRow* row = find_row(section, MethodRole::unlearner);
  const MethodRow* nothing = find_row(section, MethodRole::nothing);
  const std::string floor = klom_text(section.floor_p95);
  if (row == nullptr) {
    return {{"Models retrained without these examples differ from one another by KLoM (P95) "},
            {floor, true},
            {", the floor."}};
  }
  const std::string forgotten =
      section.indices.empty()
          ? "the forgotten examples"
          : (section.indices.size() == 1
                 ? "the forgotten example"
                 : fmt::format("the {} forgotten examples", count_text(section.indices.size())));
  Sentence words = {{fmt::format("On {}, {} ", forgotten, row->method)}};
  if (nothing != nullptr) {
    const bool better = row->klom.forget.p95 <= nothing->klom.forget.p95;
    words.push_back({better ? "brings KLoM (P95) from " : "takes KLoM (P95) from "});
    words.push_back({klom_text(nothing->klom.forget.p95), true});
    words.push_back({better ? " down to " : " up to "});
  } else {
    words.push_back({"reaches KLoM (P95) "});
  }
  words.push_back({klom_text(row->klom.forget.p95), true});
  words.push_back({", where retraining itself scores "});
  words.push_back({floor, true});
  const bool validation = row->klom.validation.points > 0;
  words.push_back({". Retained examples are at " + klom_text(row->klom.retain.p95)});
  if (validation) {
    words.push_back({" and validation examples at " + klom_text(row->klom.validation.p95)});
  }
  if (nothing != nullptr) {
    words.push_back({" (" + klom_text(nothing->klom.retain.p95)});
    if (validation) words.push_back({" and " + klom_text(nothing->klom.validation.p95)});
    words.push_back({" where nothing is done)"});
  }
  if (row->cost_share) {
    words.push_back({". A request costs "});
    words.push_back({share_text(*row->cost_share), true});
    words.push_back({" of one training"});
  }
  words.push_back({"."});
  return words;
}

Sentence up_front_words(const ReportData& data) {
  if (!data.up_front) return {};
  const std::string trainings = value_text(data.up_front->trainings);
  Sentence words = {{fmt::format("Once, before the first request: {}, which cost ",
                                 counted(data.up_front->models, "subset model"))},
                    {trainings + (trainings == "1" ? " training" : " trainings"), true},
                    {". "}};
  double dearest = -1;
  for (const auto& section : data.forget_sets) {
    const MethodRow* row = find_row(section, MethodRole::unlearner);
    if (row != nullptr && row->cost_share) dearest = std::max(dearest, *row->cost_share);
  }
  if (dearest < 0) return words;
  const std::string each = fmt::format("At {} of a training a request, ", share_text(dearest));
  if (const auto requests = requests_until_paid(data.up_front->trainings, dearest)) {
    words.push_back({each + "that is less than retraining from "});
    words.push_back({fmt::format("request {}", count_text(std::max<int64_t>(1, *requests))), true});
    words.push_back({" on."});
  } else {
    words.push_back({each + "it never becomes cheaper than retraining."});
  }
  return words;
}

std::string klom_text(double klom) {
  const std::string text = fmt::format("{:.2f}", klom);
  return text == "-0.00" ? "0.00" : text;
}

std::string share_text(double share) {
  const double percent = share * 100;
  if (percent == 0) return "0%";
  if (!std::isfinite(percent)) return fmt::format("{}%", percent);
  if (std::abs(percent) < 1e-3) return fmt::format("{:.1e}%", percent);
  // Two significant digits, but no digits before the point are dropped: 4.2, 0.015, 42, 137.
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(percent)) + 1e-12));
  std::string text = fmt::format("{:.{}f}", percent, std::max(0, 1 - magnitude));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text + "%";
}

std::string count_text(int64_t count) {
  const std::string digits = fmt::format("{}", std::abs(count));
  std::string text = count < 0 ? "-" : "";
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string value_text(double value) {
  if (std::abs(value) < 1e9 && value == std::round(value)) {
    return count_text(static_cast<int64_t>(value));
  }
  return fmt::format("{:.4g}", value);
}

std::string digits_text(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

std::string counted(int64_t count, const std::string& noun) {
  return count_text(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace expunge
