// A key: what the marks and lines of a picture mean, where labels beside them do not say it all.
#pragma once

#include <string>
#include <vector>

#include "expunge/report/method_style.h"
#include "expunge/report/svg_canvas.h"

namespace expunge {

enum class KeySample {
  mark,        ///< in the style's ink and shape
  faint_mark,  ///< the same, small and faint
  line,        ///< in the style's ink
  thin_line,   ///< dashed, as SvgPlot::level draws it
};

struct KeyEntry {
  std::string text;
  KeySample sample = KeySample::mark;
  MethodStyle style = {Ink::text, Marker::circle, false};
};

/// The entries row by row, in as many columns (one or two) as their words leave room for; as wide
/// as told, as high as needed. `heading` and `title` are as in PlotOptions.
/// Throws InputError if there is no entry.
SvgCanvas key_picture(const std::vector<KeyEntry>& entries, double width,
                      const std::string& heading, const std::string& title);

}  // namespace expunge
