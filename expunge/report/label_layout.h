// Where labels go beside their points, so that none lies on another.
#pragma once

#include <string_view>
#include <vector>

namespace expunge {

/// A rectangle in user units, y downwards.
struct Box {
  double left = 0, top = 0, width = 0, height = 0;
  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

/// Area that two boxes share; 0 if they only touch.
double overlap(const Box& a, const Box& b);

/// A label of a given size that wants to stand beside (x, y), at least `clearance` away.
struct LabelRequest {
  double x = 0, y = 0;
  double clearance = 6;
  double width = 0, height = 0;
};

struct PlacedLabel {
  Box box;
  bool far = false;      ///< not next to its point: draw a line to it
  bool tangled = false;  ///< lies on another label, or its line runs through one
};

/// One place a request. Each label has places to the right, left, above, below and diagonally of
/// its point, at growing distances. Places are improved one label at a time, in rounds, until none
/// changes: leaving `bounds` costs most, then other labels and lines through them, then lines that
/// cross, then `obstacles` (the marks), then distance. The same requests always give the same
/// places. With few labels and room for them, none is tangled; more cannot be promised.
std::vector<PlacedLabel> place_labels(const std::vector<LabelRequest>& requests, const Box& bounds,
                                      const std::vector<Box>& obstacles);

/// About how wide `text` is at `font_size`, in user units. No font is at hand, so the widths are
/// those of a wide sans serif: real text is rarely wider.
double text_width(std::string_view text, double font_size);

}  // namespace expunge
