// How a method is drawn, everywhere: its colour and its shape.
#pragma once

#include <string>
#include <vector>

#include "expunge/report/report_data.h"
#include "expunge/report/svg_canvas.h"

namespace expunge {

struct MethodStyle {
  Ink ink;
  Marker marker;
  bool hollow;
};

/// The style of the rank-th method with this role, from 0. Eight baselines differ in shape and
/// twenty-four in shape and colour together, of other roles three in shape; roles differ in colour,
/// baselines from all others in shape too. After that styles come again.
MethodStyle method_style(MethodRole role, size_t rank = 0);

/// One style a row, each row's rank being its place among those of its role.
std::vector<MethodStyle> row_styles(const ForgetSetSection& section);

/// The styles of many methods: each method's rank is the order in which those of its role were
/// added. Pictures that are to agree are given the same MethodStyles.
class MethodStyles {
 public:
  /// A method that is there already keeps its style. Throws InputError if it is there with another
  /// role.
  MethodStyles& add(const std::string& method, MethodRole role);
  /// Throws InputError for a method that was not added.
  MethodStyle of(const std::string& method) const;

 private:
  struct Entry {
    std::string method;
    MethodRole role;
    MethodStyle style;
  };
  std::vector<Entry> entries_;
};

}  // namespace expunge
