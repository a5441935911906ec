// Plots: axes, marks in data coordinates, and labels that stand beside what they name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "expunge/report/axis.h"
#include "expunge/report/svg_canvas.h"

namespace expunge {

struct AxisOptions {
  std::string label;  ///< what is measured, and its unit in brackets
  AxisScale scale = AxisScale::linear(0, 1);
  TickFormat format = TickFormat::number;
  int wanted_ticks = 5;
  bool visible = true;  ///< false: no ticks, numbers, grid and label; the scale still holds
};

struct PlotOptions {
  double width = 340, height = 280;  ///< user units; one is a CSS pixel at natural size
  std::string heading;               ///< printed above the plot; may be empty
  std::string note;                  ///< printed below the heading, smaller; may be empty
  std::string title;                 ///< for screen readers: what the picture is
  std::string description;           ///< for screen readers: what it shows
  AxisOptions x, y;
  double label_room = 0;      ///< free width right of the axes, for labels at ends of lines
  bool drop_crowded = false;  ///< labels that touch others, or hide marks, are left out, last first
};

/// Counts in bins: share[i] of the values lie in [edge[i], edge[i + 1]), the last bin closed.
struct Histogram {
  std::vector<double> edges;   ///< (B + 1), ascending
  std::vector<double> shares;  ///< (B), sum 1; all 0 if there are no values
};

/// Equal bins over [low, high]; values outside are left out of the bins but count in the total.
/// Throws InputError unless bins > 0 and low < high, NonFiniteError for NaN and infinity.
Histogram histogram_of(const std::vector<float>& values, double low, double high, int bins);

struct MarkStyle {
  Ink ink = Ink::text;
  Marker marker = Marker::circle;
  bool hollow = false;
  bool faint = false;  ///< small, and lets through what lies below
};

enum class LineWeight { plain, thick, thin, dashed };

/// A plot under construction; marks appear in the order of the calls, direct labels on top, placed
/// when the plot is finished. All calls return the plot, and throw NonFiniteError for NaN and
/// infinity and InputError for values that the scale has no place for. Values beyond the limits of
/// an axis are drawn beyond its end: choose scales around the data.
class SvgPlot {
 public:
  explicit SvgPlot(PlotOptions options);

  /// Values joined by straight lines. xs and ys of equal length, at least one.
  SvgPlot& line(const std::vector<double>& xs, const std::vector<double>& ys, Ink ink,
                LineWeight weight = LineWeight::plain);
  /// One mark, with a direct label unless `label` is empty.
  SvgPlot& mark(double x, double y, MarkStyle style, std::string label = "");
  /// A direct label beside a place, at least `clearance` user units away.
  SvgPlot& label(double x, double y, std::string text, Ink ink, double clearance = 8);
  /// A vertical bar from low to high.
  SvgPlot& interval(double x, double low, double high, Ink ink);
  /// A dashed line across the whole plot at y; the label stands on it.
  SvgPlot& level(double y, Ink ink, std::string label);
  /// A thin line from bottom to top at x.
  SvgPlot& upright(double x, Ink ink);
  /// A thin line from left to right at y.
  SvgPlot& rule(double y, Ink ink);
  /// Bars standing on y = base, a share of 1 being `unit` high (in y's data units).
  SvgPlot& histogram(const Histogram& data, double base, double unit, Ink ink);
  /// The same as an outline.
  SvgPlot& histogram_outline(const Histogram& data, double base, double unit, Ink ink);
  /// Words at a share [0, 1] of the plot's width and at y, moved down by `shift` user units.
  SvgPlot& words(double width_share, double y, double shift, std::string_view text, Ink ink,
                 Anchor anchor, bool strong = false);

  /// The finished picture.
  SvgCanvas picture() const;
  /// Direct labels that the picture leaves out (PlotOptions::drop_crowded).
  std::vector<std::string> left_out() const;
  /// The plot's area inside its axes, in user units.
  const Box& area() const { return area_; }

 private:
  struct DirectLabel {
    Point at;
    double clearance;
    std::string text;
    Ink ink;
  };
  Point place(double x, double y) const;
  std::vector<Point> outline(const Histogram& data, double base, double unit) const;
  void draw_axes();
  void keep_clear(const std::vector<Point>& line);
  /// Places for the labels, none for one that is left out.
  std::vector<std::optional<PlacedLabel>> place_all() const;
  void draw_labels(SvgCanvas& canvas) const;

  PlotOptions options_;
  std::vector<Tick> x_ticks_, y_ticks_;
  Box area_;
  SvgCanvas canvas_;
  std::vector<DirectLabel> labels_;
  std::vector<Box> obstacles_;  ///< what direct labels keep off
  std::vector<Box> marks_;      ///< of these, the marks that no label may hide
};

}  // namespace expunge
