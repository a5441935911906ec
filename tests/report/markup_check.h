// A strict reader of the little XML that the report writes, to prove that it is well formed.
#pragma once

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace expunge {

struct MarkupElement {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;  // values as written, still escaped
  std::string text = {};  // character data right inside it, still escaped
};

struct MarkupResult {
  std::string problem;  // empty: well formed
  std::vector<MarkupElement> elements;
  std::string text;  // all character data, still escaped
};

/// Reads XML 1.0 without DTD, CDATA and comments: matching tags, attributes quoted and unique, no
/// bare & or <. `voids` are elements without an end tag (HTML's), `raw` those whose content is not
/// markup (HTML's style).
inline MarkupResult read_markup(std::string_view in, const std::set<std::string>& voids = {},
                                const std::set<std::string>& raw = {}) {
  MarkupResult result;
  std::vector<std::string> open;
  std::vector<size_t> open_elements;  // indices into the elements, beside `open`
  size_t i = 0;
  const auto problem = [&](const std::string& what) {
    result.problem = what + " at '" + std::string(in.substr(i, 60)) + "'";
    return result;
  };
  const auto name = [&] {
    const size_t start = i;
    while (i < in.size() && (std::isalnum(static_cast<unsigned char>(in[i])) || in[i] == '-' ||
                             in[i] == ':' || in[i] == '_')) {
      ++i;
    }
    return std::string(in.substr(start, i - start));
  };
  const auto references_ok = [](std::string_view text) {
    for (size_t at = text.find('&'); at != std::string_view::npos; at = text.find('&', at + 1)) {
      const auto reference = text.substr(at, text.find(';', at) - at + 1);
      const std::set<std::string_view> known = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
      if (!known.count(reference)) return false;
    }
    return true;
  };
  for (const std::string_view prologue :
       {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<!DOCTYPE html>"}) {
    if (in.substr(0, prologue.size()) == prologue) i = prologue.size();
  }
  while (i < in.size()) {
    if (in[i] != '<') {
      const size_t end = std::min(in.find('<', i), in.size());
      const auto text = in.substr(i, end - i);
      if (!references_ok(text)) return problem("unknown reference");
      const bool blank =
          std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c); });
      if (open.empty() && !blank) return problem("text outside the root");
      result.text += text;
      if (!open.empty()) result.elements[open_elements.back()].text += text;
      i = end;
      continue;
    }
    ++i;
    if (i < in.size() && in[i] == '/') {
      ++i;
      const std::string closing = name();
      if (open.empty() || open.back() != closing) return problem("unexpected end of " + closing);
      if (i >= in.size() || in[i] != '>') return problem("broken end tag");
      open.pop_back();
      open_elements.pop_back();
      ++i;
      continue;
    }
    MarkupElement element{name(), {}, {}};
    if (element.name.empty()) return problem("bare <");
    std::set<std::string> seen;
    while (i < in.size() && in[i] == ' ') {
      ++i;
      const std::string key = name();
      if (key.empty() || in.substr(i, 2) != "=\"") return problem("broken attribute");
      i += 2;
      const size_t end = in.find('"', i);
      if (end == std::string_view::npos) return problem("open attribute");
      const auto value = in.substr(i, end - i);
      if (value.find('<') != std::string_view::npos || !references_ok(value)) {
        return problem("unescaped attribute");
      }
      if (!seen.insert(key).second) return problem("attribute twice");
      element.attributes.emplace_back(key, std::string(value));
      i = end + 1;
    }
    bool closed = voids.count(element.name) > 0;
    if (i < in.size() && in[i] == '/') closed = true, ++i;
    if (i >= in.size() || in[i] != '>') return problem("broken tag");
    ++i;
    result.elements.push_back(element);
    if (closed) continue;
    open.push_back(element.name);
    open_elements.push_back(result.elements.size() - 1);
    if (raw.count(element.name)) {
      const size_t end = in.find("</" + element.name, i);
      if (end == std::string_view::npos) return problem("open " + element.name);
      i = end;
    }
  }
  if (!open.empty()) result.problem = "not closed: " + open.back();
  return result;
}

inline std::string attribute(const MarkupElement& element, const std::string& key) {
  for (const auto& [name, value] : element.attributes) {
    if (name == key) return value;
  }
  return "";
}

/// Elements of a name.
inline size_t count(const MarkupResult& markup, const std::string& name) {
  return static_cast<size_t>(
      std::count_if(markup.elements.begin(), markup.elements.end(),
                    [&](const MarkupElement& element) { return element.name == name; }));
}

}  // namespace expunge
