#include "expunge/core/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "expunge/core/error.h"

namespace expunge {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) {
      out += fmt::format("\\u{:04X}", code);  // TOML allows no control character in a text
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string number_text(double value) {
  std::string text = fmt::format("{}", value);  // the shortest that reads back the same
  if (text.find_first_of(".einf") == std::string::npos) text += ".0";
  return text;
}

template <class T>
std::optional<T> parse_number(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> split_list(std::string text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= text.size() && !text.empty()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    std::string part = text.substr(begin, comma - begin);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    parts.push_back(part);
    begin = comma + 1;
  }
  return parts;
}

// Reads a command line's text as each of the types.
template <class T>
std::optional<T> parse_text(const std::string& text);

template <>
std::optional<bool> parse_text<bool>(const std::string& text) {
  if (text == "true" || text == "1" || text == "yes") return true;
  if (text == "false" || text == "0" || text == "no") return false;
  return std::nullopt;
}
template <>
std::optional<int64_t> parse_text<int64_t>(const std::string& text) {
  return parse_number<int64_t>(text);
}
template <>
std::optional<double> parse_text<double>(const std::string& text) {
  return parse_number<double>(text);
}
template <>
std::optional<std::string> parse_text<std::string>(const std::string& text) {
  return text;
}
template <class T>
std::optional<std::vector<T>> parse_list(const std::string& text) {
  std::vector<T> values;
  for (const auto& part : split_list(text)) {
    const auto value = parse_number<T>(part);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}
template <>
std::optional<std::vector<int64_t>> parse_text<std::vector<int64_t>>(const std::string& text) {
  return parse_list<int64_t>(text);
}
template <>
std::optional<std::vector<double>> parse_text<std::vector<double>>(const std::string& text) {
  return parse_list<double>(text);
}

// The value as a T, with whole numbers widened and an empty list taken as empty of any kind.
template <class T>
std::optional<T> convert(const OptionValue& value) {
  if (const T* exact = std::get_if<T>(&value)) return *exact;
  if constexpr (std::is_same_v<T, double>) {
    if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  }
  if constexpr (std::is_same_v<T, std::vector<double>>) {
    if (const auto* whole = std::get_if<std::vector<int64_t>>(&value))
      return T(whole->begin(), whole->end());
  }
  return std::nullopt;
}

[[noreturn]] void wrong_type(const std::string& name, const std::string& type,
                             const std::string& got) {
  fail<OptionError>("option {}: {} required, got {}", name, type, got);
}

}  // namespace

std::string to_toml(const OptionValue& value) {
  struct Visitor {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return number_text(v); }
    std::string operator()(const std::string& v) const { return quoted(v); }
    std::string operator()(const std::vector<int64_t>& v) const {
      return fmt::format("[{}]", fmt::join(v, ", "));
    }
    std::string operator()(const std::vector<double>& v) const {
      std::vector<std::string> texts;
      for (const double x : v) texts.push_back(number_text(x));
      return fmt::format("[{}]", fmt::join(texts, ", "));
    }
    std::string operator()(const std::vector<std::string>& v) const {
      std::vector<std::string> texts;
      for (const auto& x : v) texts.push_back(quoted(x));
      return fmt::format("[{}]", fmt::join(texts, ", "));
    }
  };
  return std::visit(Visitor{}, value);
}

template <class T>
OptionGroup& OptionGroup::add_value(std::string name, std::string type, std::string help,
                                    std::string unit, std::function<OptionValue()> get,
                                    std::function<void(const T&)> set) {
  OptionField field;
  field.initial = get();
  field.get = std::move(get);
  field.parse = [name, type, set](const std::string& text) {
    const auto value = parse_text<T>(text);
    if (!value) wrong_type(name, type, quoted(text));
    set(*value);
  };
  field.set = [name, type, set = std::move(set)](const OptionValue& value) {
    const auto converted = convert<T>(value);
    if (!converted) wrong_type(name, type, to_toml(value));
    set(*converted);
  };
  field.name = std::move(name);
  field.type = std::move(type);
  field.help = std::move(help);
  field.unit = std::move(unit);
  fields_.push_back(std::move(field));
  return *this;
}

OptionGroup& OptionGroup::add(std::string name, bool& field, std::string help) {
  return add_value<bool>(
      std::move(name), "true or false", std::move(help), "", [&field] { return field; },
      [&field](const bool& v) { field = v; });
}

OptionGroup& OptionGroup::add(std::string name, int64_t& field, std::string help,
                              std::string unit) {
  return add_value<int64_t>(
      std::move(name), "whole number", std::move(help), std::move(unit), [&field] { return field; },
      [&field](const int64_t& v) { field = v; });
}

OptionGroup& OptionGroup::add(std::string name, double& field, std::string help, std::string unit) {
  return add_value<double>(
      std::move(name), "number", std::move(help), std::move(unit), [&field] { return field; },
      [&field](const double& v) { field = v; });
}

OptionGroup& OptionGroup::add(std::string name, std::string& field, std::string help) {
  return add_value<std::string>(
      std::move(name), "text", std::move(help), "", [&field] { return field; },
      [&field](const std::string& v) { field = v; });
}

OptionGroup& OptionGroup::add(std::string name, std::vector<int64_t>& field, std::string help,
                              std::string unit) {
  return add_value<std::vector<int64_t>>(
      std::move(name), "list of whole numbers", std::move(help), std::move(unit),
      [&field] { return field; }, [&field](const std::vector<int64_t>& v) { field = v; });
}

OptionGroup& OptionGroup::add(std::string name, std::vector<double>& field, std::string help,
                              std::string unit) {
  return add_value<std::vector<double>>(
      std::move(name), "list of numbers", std::move(help), std::move(unit),
      [&field] { return field; }, [&field](const std::vector<double>& v) { field = v; });
}

OptionGroup& OptionGroup::add(std::string name, std::optional<double>& field, std::string help,
                              std::string unit) {
  add_value<double>(
      std::move(name), "number or \"auto\"", std::move(help), std::move(unit),
      [&field]() -> OptionValue {
        if (field) return *field;
        return std::string("auto");
      },
      [&field](const double& v) { field = v; });
  OptionField& added = fields_.back();
  added.set = [&field, set = added.set](const OptionValue& value) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && *text == "auto") {
      field.reset();
    } else {
      set(value);
    }
  };
  added.parse = [&field, parse = added.parse](const std::string& text) {
    if (text == "auto") {
      field.reset();
    } else {
      parse(text);
    }
  };
  return *this;
}

OptionGroup& OptionGroup::add(std::string name, std::string& field,
                              std::vector<std::string> choices, std::string help) {
  return add_choice(
      std::move(name), std::move(choices), std::move(help), [&field] { return field; },
      [&field](const std::string& v) { field = v; });
}

OptionGroup& OptionGroup::add_choice(std::string name, std::vector<std::string> choices,
                                     std::string help, std::function<std::string()> get,
                                     std::function<void(const std::string&)> set) {
  auto type = fmt::format("{}", fmt::join(choices, " | "));
  auto checked = [name, choices = std::move(choices),
                  set = std::move(set)](const std::string& text) {
    if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
      fail<OptionError>("option {}: one of {} required, got \"{}\"; did you mean \"{}\"?", name,
                        fmt::join(choices, ", "), text, nearest_name(text, choices));
    }
    set(text);
  };
  return add_value<std::string>(std::move(name), std::move(type), std::move(help), "",
                                std::move(get), std::move(checked));
}

void OptionGroup::set(const std::string& name, const OptionValue& value) {
  std::vector<std::string> known;
  for (const auto& field : fields_) {
    if (field.name == name) {
      field.set(value);
      return;
    }
    known.push_back(field.name);
  }
  fail<OptionError>("unknown option \"{}\" in [{}]; did you mean \"{}\"?", name, name_,
                    nearest_name(name, known));
}

std::map<std::string, std::string> settings_of(const OptionGroup& group,
                                               const std::string& prefix) {
  std::map<std::string, std::string> settings;
  for (const auto& field : group.fields()) settings[prefix + field.name] = to_toml(field.get());
  return settings;
}

void require_option(bool holds, std::string_view name, std::string_view required, double got) {
  if (!holds) fail<OptionError>("option {}: {} required, got {}", name, required, got);
}

std::string nearest_name(std::string_view word, const std::vector<std::string>& known) {
  const auto distance = [](std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 0; i < a.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i + 1;
      for (size_t j = 0; j < b.size(); ++j) {
        const size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
      }
    }
    return row[b.size()];
  };
  const auto best = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return distance(word, a) < distance(word, b);
  });
  return best == known.end() ? std::string() : *best;
}

std::string kebab_case(std::string_view snake_case) {
  std::string text(snake_case);
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

}  // namespace expunge
