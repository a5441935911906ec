#include "expunge/report/plot_key.h"

#include <algorithm>

#include "expunge/core/error.h"

namespace expunge {
namespace {

constexpr double kRow = 19, kSampleWidth = 30;

void draw_sample(SvgCanvas& canvas, const KeyEntry& entry, Point middle) {
  const MethodStyle& style = entry.style;
  const std::string ink(ink_name(style.ink));
  const Point left{middle.x - 10, middle.y}, right{middle.x + 10, middle.y};
  switch (entry.sample) {
    case KeySample::mark:
    case KeySample::faint_mark:
      canvas.marker(middle, style.marker, style.ink, style.hollow,
                    entry.sample == KeySample::faint_mark);
      break;
    case KeySample::line:
      canvas.line(left, right, "line stroke-" + ink);
      break;
    case KeySample::thin_line:
      canvas.line(left, right, "hair dashed stroke-" + ink);
      break;
  }
}

}  // namespace

SvgCanvas key_picture(const std::vector<KeyEntry>& entries, double width,
                      const std::string& heading, const std::string& title) {
  if (entries.empty()) fail<InputError>("key: expected at least one entry, got none");
  // An entry that is wider than half of the key has a row of its own.
  const double half = width / 2;
  const auto wide = [&](const KeyEntry& entry) {
    return kSampleWidth + text_width(entry.text, plot_font_size) > half - 6;
  };
  struct Place {
    double x;
    int row;
  };
  std::vector<Place> places;
  int row = 0;
  bool second = false;
  for (const auto& entry : entries) {
    if (wide(entry)) {
      if (second) ++row;
      places.push_back({0, row++});
      second = false;
    } else {
      places.push_back({second ? half : 0, row});
      if (second) ++row;
      second = !second;
    }
  }
  const int rows = row + (second ? 1 : 0);
  const double top = heading.empty() ? 2 : 24;
  std::string description;
  for (const auto& entry : entries) description += entry.text + ". ";
  SvgCanvas canvas(width, top + rows * kRow + 2, title, description);
  if (!heading.empty()) canvas.text({0, 15}, heading, "heading fill-text");
  for (size_t i = 0; i < entries.size(); ++i) {
    const double y = top + places[i].row * kRow + kRow / 2;
    draw_sample(canvas, entries[i], {places[i].x + 11, y});
    canvas.text({places[i].x + kSampleWidth, y + 4}, entries[i].text, "fill-text");
  }
  return canvas;
}

}  // namespace expunge
