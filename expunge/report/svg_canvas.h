// The drawing surface below the plots: SVG elements, escaped, with numbers in few digits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "expunge/report/label_layout.h"
#include "expunge/report/palette.h"

namespace expunge {

struct Point {
  double x = 0, y = 0;
};

enum class Anchor { start, middle, end };
enum class Marker {
  circle,
  square,
  diamond,
  triangle,
  pentagon,
  star,
  triangle_down,
  triangle_left,
  triangle_right,
  hourglass,
  cross,     ///< strokes only: hollow or not is the same
  plus,      ///< strokes only
  asterisk,  ///< strokes only
};

/// Elements are drawn in the order of the calls. Coordinates are user units (one CSS pixel at
/// natural size), y downwards; they are written with two decimals, so that the same calls give the
/// same bytes. `classes` are names from svg_rules() and never foreign text.
/// Every call throws NonFiniteError for NaN or infinity.
class SvgCanvas {
 public:
  /// `title` and `description` are what a screen reader says; a picture without a title is
  /// decoration, which it passes over. Throws InputError unless width and
  /// height are positive.
  SvgCanvas(double width, double height, std::string title, std::string description);

  void line(Point from, Point to, std::string_view classes);
  void polyline(const std::vector<Point>& points, std::string_view classes);
  void polygon(const std::vector<Point>& points, std::string_view classes);
  void rect(const Box& box, std::string_view classes);
  /// Baseline at `at`. `text` is foreign: it is escaped.
  void text(Point at, std::string_view text, std::string_view classes,
            Anchor anchor = Anchor::start);
  /// About 9 units wide; hollow ones are filled with the background. Faint ones are smaller and let
  /// through what lies below.
  void marker(Point at, Marker shape, Ink ink, bool hollow, bool faint = false);
  /// Another picture's elements, its corner at `at`; title and description are not taken over.
  void add(const SvgCanvas& picture, Point at);

  double width() const { return width_; }
  double height() const { return height_; }
  const std::string& title() const { return title_; }
  const std::string& description() const { return description_; }

  /// An <svg> element for a page that contains svg_rules(true) and the palette's variables.
  std::string embedded() const;
  /// A file of its own: light colours, white background, no reference to anything outside.
  std::string file() const;
  /// Several pictures side by side, at most `columns` in a row, as one file.
  static std::string file(const std::vector<SvgCanvas>& pictures, size_t columns,
                          std::string_view title);

 private:
  void points_element(std::string_view name, const std::vector<Point>& points,
                      std::string_view classes);

  double width_, height_;
  std::string title_, description_;
  std::string body_;
};

}  // namespace expunge
