#include "expunge/core/toml_file.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/printable.h"

namespace expunge {
namespace {

int64_t line_of(const toml::node& node) {
  return static_cast<int64_t>(node.source().begin.line);
}

template <class T>
std::vector<T> list_of(const toml::array& array) {
  std::vector<T> values;
  for (const auto& element : array) values.push_back(*element.value<T>());
  return values;
}

OptionValue value_of(const toml::node& node, const std::string& key, const std::string& where) {
  if (const auto* v = node.as_boolean()) return v->get();
  if (const auto* v = node.as_integer()) return v->get();
  if (const auto* v = node.as_floating_point()) return v->get();
  if (const auto* v = node.as_string()) return v->get();
  if (const auto* array = node.as_array()) {
    if (array->is_homogeneous(toml::node_type::integer)) return list_of<int64_t>(*array);
    if (array->is_homogeneous(toml::node_type::string)) return list_of<std::string>(*array);
    const bool numbers = std::all_of(array->begin(), array->end(),
                                     [](const toml::node& n) { return n.is_number(); });
    if (array->empty()) return std::vector<int64_t>{};
    if (numbers) return list_of<double>(*array);
  }
  fail<OptionError>("{}:{}: {}: true or false, a number, a text or a list of one of them required",
                    where, line_of(node), key);
}

TomlTable table_of(const toml::table& table, std::string name, const std::string& where) {
  TomlTable out;
  out.name = std::move(name);
  out.line = line_of(table);
  for (const auto& [key, node] : table) {
    out.entries.push_back(
        {std::string(key.str()), value_of(node, std::string(key.str()), where), line_of(node)});
  }
  std::sort(out.entries.begin(), out.entries.end(),
            [](const auto& a, const auto& b) { return a.line < b.line; });
  return out;
}

}  // namespace

std::vector<TomlTable> read_toml(const std::filesystem::path& path) {
  return parse_toml(read_file(path), path.string());
}

std::vector<TomlTable> parse_toml(const std::string& text, const std::string& where) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    fail<InputError>("{}:{}: {}", where, error.source().begin.line,
                     printable(error.description(), 200));
  }
  std::vector<TomlTable> tables;
  TomlTable top;
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
    if (const auto* table = node.as_table()) {
      tables.push_back(table_of(*table, name, where));
    } else if (node.is_array_of_tables()) {
      for (const auto& element : *node.as_array())
        tables.push_back(table_of(*element.as_table(), name, where));
    } else {
      top.entries.push_back({name, value_of(node, name, where), line_of(node)});
    }
  }
  std::sort(tables.begin(), tables.end(),
            [](const auto& a, const auto& b) { return a.line < b.line; });
  if (!top.entries.empty()) tables.insert(tables.begin(), std::move(top));
  return tables;
}

void apply(const TomlTable& table, OptionGroup& group, const std::string& where) {
  for (const auto& entry : table.entries) {
    try {
      group.set(entry.key, entry.value);
    } catch (const OptionError& error) {
      fail<OptionError>("{}:{}: {}", where, entry.line, error.what());
    }
  }
}

std::string to_toml_table(const OptionGroup& group, bool comments) {
  std::string text;
  if (comments) text += fmt::format("# {}.\n", group.title());
  if (!group.name().empty()) text += fmt::format("[{}]\n", group.name());
  for (const auto& field : group.fields()) {
    if (comments) {
      const std::string unit = field.unit.empty() ? "" : fmt::format(", {}", field.unit);
      text += fmt::format("# {} ({}{})\n", field.help, field.type, unit);
    }
    text += fmt::format("{} = {}\n", field.name, to_toml(field.get()));
  }
  return text;
}

}  // namespace expunge
