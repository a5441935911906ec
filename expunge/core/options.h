// Options documented once: an options struct is bound, field by field, to names, units and help.
//
// From that one binding come the TOML keys, the command line's flags, their help, the reference in
// docs/ and the JSON that a result records. A struct XxxOptions has its defaults in place, a
// `validate()`, and beside it a free function
//
//   OptionGroup options_of(XxxOptions& options) {
//     OptionGroup group("matching", "How a model is brought to its target logits");
//     group.add("steps", options.steps, "kernel steps", "count");
//     group.add("engine", options.engine, {{"kernel", Engine::kernel}, {"gradient",
//     Engine::gradient}},
//               "which engine");
//     return group;
//   }
//
// The group refers to the struct it was made from and must not outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace expunge {

/// A value on its way between a file, the command line and a struct. A list of whole numbers may
/// stand where a list of numbers is wanted, and a whole number where a number is.
using OptionValue = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>,
                                 std::vector<double>, std::vector<std::string>>;

/// The value as one would write it in TOML: 0.8, true, "own", [128, 64].
std::string to_toml(const OptionValue& value);

/// One named setting.
struct OptionField {
  std::string name;  // snake_case; the command line writes --kebab-case
  std::string type;  // "true or false", "whole number", "number", "text", "list of ...", "a | b"
  std::string help;  // one sentence, without the unit and the default
  std::string unit;  // empty where there is none
  std::function<OptionValue()> get;
  /// Throws OptionError if the value's type or, for a choice, its text is not one that is allowed.
  std::function<void(const OptionValue&)> set;
  /// Reads the text of a command line's argument; throws OptionError.
  std::function<void(const std::string&)> parse;
  OptionValue initial;  // the value when bound: the default, for a struct just made
};

class OptionGroup {
 public:
  OptionGroup(std::string name, std::string title)
      : name_(std::move(name)), title_(std::move(title)) {}

  OptionGroup& add(std::string name, bool& field, std::string help);
  OptionGroup& add(std::string name, int64_t& field, std::string help, std::string unit = "");
  OptionGroup& add(std::string name, double& field, std::string help, std::string unit = "");
  OptionGroup& add(std::string name, std::string& field, std::string help);
  /// Written "auto" where it is not set.
  OptionGroup& add(std::string name, std::optional<double>& field, std::string help,
                   std::string unit = "");
  OptionGroup& add(std::string name, std::vector<int64_t>& field, std::string help,
                   std::string unit = "");
  OptionGroup& add(std::string name, std::vector<double>& field, std::string help,
                   std::string unit = "");
  /// A text that must be one of `choices`.
  OptionGroup& add(std::string name, std::string& field, std::vector<std::string> choices,
                   std::string help);
  /// An enumeration, each value with the name that files and the command line use.
  template <class Enum>
  requires std::is_enum_v<Enum> OptionGroup& add(
      std::string name, Enum& field, const std::vector<std::pair<std::string, Enum>>& choices,
      std::string help) {
    std::vector<std::string> names;
    for (const auto& choice : choices) names.push_back(choice.first);
    return add_choice(
        std::move(name), std::move(names), std::move(help),
        [&field, choices] {
          for (const auto& [text, value] : choices) {
            if (value == field) return text;
          }
          return std::string("?");
        },
        [&field, choices](const std::string& text) {
          for (const auto& [known, value] : choices) {
            if (known == text) field = value;
          }
        });
  }

  /// Takes over the fields of another group, for a struct that holds the other's.
  OptionGroup& include(OptionGroup&& other) {
    for (auto& field : other.fields_) fields_.push_back(std::move(field));
    return *this;
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& title() const { return title_; }
  [[nodiscard]] const std::vector<OptionField>& fields() const& { return fields_; }
  [[nodiscard]] std::vector<OptionField> fields() && { return std::move(fields_); }

  /// Sets the field called `name`; OptionError names the nearest known one if there is none.
  void set(const std::string& name, const OptionValue& value);

 private:
  OptionGroup& add_choice(std::string name, std::vector<std::string> choices, std::string help,
                          std::function<std::string()> get,
                          std::function<void(const std::string&)> set);
  template <class T>
  OptionGroup& add_value(std::string name, std::string type, std::string help, std::string unit,
                         std::function<OptionValue()> get, std::function<void(const T&)> set);

  std::string name_;
  std::string title_;
  std::vector<OptionField> fields_;
};

/// Every field's value as TOML text, by prefix and name: what results record.
std::map<std::string, std::string> settings_of(const OptionGroup& group,
                                               const std::string& prefix = "");

/// OptionError "option <name>: <required> required, got <got>" unless `holds`.
void require_option(bool holds, std::string_view name, std::string_view required, double got);

/// The member of `known` with the smallest edit distance to `word` (empty if `known` is empty).
std::string nearest_name(std::string_view word, const std::vector<std::string>& known);

/// "lambda_ratio" -> "lambda-ratio", as the command line writes it.
std::string kebab_case(std::string_view snake_case);

}  // namespace expunge
