#include "expunge/report/method_style.h"

#include <algorithm>
#include <array>
#include <map>

#include "expunge/core/error.h"
#include "expunge/report/report_tables.h"

namespace expunge {
namespace {

constexpr std::array kBaselineShapes = {
    Marker::square,    Marker::cross,         Marker::triangle_down, Marker::plus,
    Marker::hourglass, Marker::triangle_left, Marker::asterisk,      Marker::triangle_right};
constexpr std::array kBaselineInks = {Ink::muted, Ink::indigo, Ink::umber};

MethodStyle first_style(MethodRole role) {
  switch (role) {
    case MethodRole::nothing:
      return {Ink::full, Marker::triangle, false};
    case MethodRole::prediction:
      return {Ink::predicted, Marker::circle, true};
    case MethodRole::unlearner:
      return {Ink::unlearned, Marker::circle, false};
    case MethodRole::baseline:
      return {kBaselineInks[0], kBaselineShapes[0], true};
    case MethodRole::reference:
      return {Ink::oracle, Marker::diamond, true};
    case MethodRole::floor:
      return {Ink::oracle, Marker::diamond, false};
  }
  fail<InputError>("method role: expected one of the enumeration, got {}", static_cast<int>(role));
}

}  // namespace

MethodStyle method_style(MethodRole role, size_t rank) {
  MethodStyle style = first_style(role);
  if (role == MethodRole::baseline) {
    style.ink = kBaselineInks[rank % kBaselineInks.size()];
    style.marker = kBaselineShapes[rank % kBaselineShapes.size()];
    return style;
  }
  const std::array shapes = {style.marker, Marker::pentagon, Marker::star};
  style.marker = shapes[rank % shapes.size()];
  return style;
}

std::vector<MethodStyle> row_styles(const ForgetSetSection& section) {
  std::map<MethodRole, size_t> ranks;
  std::vector<MethodStyle> styles;
  for (const auto& row : section.rows) styles.push_back(method_style(row.role, ranks[row.role]++));
  return styles;
}

MethodStyles& MethodStyles::add(const std::string& method, MethodRole role) {
  size_t rank = 0;
  for (const auto& entry : entries_) {
    if (entry.method == method) {
      if (entry.role == role) return *this;
      fail<InputError>("method {}: expected one role, got {} and {}", method, role_name(entry.role),
                       role_name(role));
    }
    if (entry.role == role) ++rank;
  }
  entries_.push_back({method, role, method_style(role, rank)});
  return *this;
}

MethodStyle MethodStyles::of(const std::string& method) const {
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& each) { return each.method == method; });
  if (entry == entries_.end()) fail<InputError>("method {}: expected one with a style", method);
  return entry->style;
}

}  // namespace expunge
