#include "expunge/report/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "expunge/core/error.h"

namespace expunge {
namespace {

constexpr double kLine = 15;     // height of a line of words
constexpr double kMayCover = 8;  // of a mark's area, square units, by a label

std::string classes(std::string_view shape, std::string_view property, Ink ink) {
  return fmt::format("{} {}-{}", shape, property, ink_name(ink));
}

Box area_of(const PlotOptions& options, const std::vector<Tick>& y_ticks) {
  double left = 1, right = 1, top = 6, bottom = 6;
  if (!options.heading.empty()) top += kLine + 5;
  if (!options.note.empty()) top += kLine + 1;
  if (options.y.visible) {
    double widest = 0;
    for (const auto& tick : y_ticks)
      widest = std::max(widest, text_width(tick.label, plot_font_size));
    left = widest + 10;
    right = 10 + options.label_room;  // half a mark that lies on the edge
    top += options.y.label.empty() ? plot_font_size / 2 : kLine + plot_font_size / 2;
  }
  if (options.x.visible) bottom = kLine + 6 + (options.x.label.empty() ? 0 : kLine + 3);
  const Box area{left, top, options.width - left - right, options.height - top - bottom};
  if (area.width < 20 || area.height < 20) {
    fail<InputError>("plot: expected room for axes and marks, got {} x {}", options.width,
                     options.height);
  }
  return area;
}

}  // namespace

Histogram histogram_of(const std::vector<float>& values, double low, double high, int bins) {
  if (bins < 1 || !(low < high) || !std::isfinite(high - low)) {
    fail<InputError>("histogram: expected bins > 0 and low < high, got {} bins, [{}, {}]", bins,
                     low, high);
  }
  Histogram data{std::vector<double>(bins + 1), std::vector<double>(bins, 0)};
  for (int i = 0; i <= bins; ++i) data.edges[i] = low + (high - low) * i / bins;
  for (const float value : values) {
    if (!std::isfinite(value)) {
      fail<NonFiniteError>("histogram: expected finite values, got {}", value);
    }
    if (value < low || value > high) continue;
    const int bin = static_cast<int>((value - low) / (high - low) * bins);
    data.shares[std::min(bin, bins - 1)] += 1;
  }
  for (double& share : data.shares) share /= std::max<double>(1, values.size());
  return data;
}

SvgPlot::SvgPlot(PlotOptions options)
    : options_(std::move(options)),
      x_ticks_(options_.x.scale.ticks(options_.x.wanted_ticks, options_.x.format)),
      y_ticks_(options_.y.scale.ticks(options_.y.wanted_ticks, options_.y.format)),
      area_(area_of(options_, y_ticks_)),
      canvas_(options_.width, options_.height, options_.title, options_.description) {
  draw_axes();
}

Point SvgPlot::place(double x, double y) const {
  return {area_.left + options_.x.scale.position(x) * area_.width,
          area_.bottom() - options_.y.scale.position(y) * area_.height};
}

void SvgPlot::draw_axes() {
  if (!options_.heading.empty()) {
    canvas_.text({0, kLine}, options_.heading, "heading fill-text");
  }
  if (!options_.note.empty()) {
    canvas_.text({0, options_.heading.empty() ? kLine - 2 : 2 * kLine + 2}, options_.note,
                 "fill-text");
  }
  if (options_.y.visible) {
    const auto& scale = options_.y.scale;
    if (!options_.y.label.empty()) {
      canvas_.text({0, area_.top - plot_font_size}, options_.y.label, "fill-muted");
    }
    for (const auto& tick : y_ticks_) {
      if (tick.label.empty()) continue;
      const double y = area_.bottom() - scale.position(tick.value) * area_.height;
      canvas_.line({area_.left, y}, {area_.right(), y}, "hair stroke-rule");
      canvas_.text({area_.left - 7, y + 4}, tick.label, "fill-muted", Anchor::end);
    }
  }
  if (!options_.x.visible) return;
  const auto& scale = options_.x.scale;
  const double bottom = area_.bottom();
  // Where zero has a place on a logarithmic axis, the axis is broken beside it.
  const double zero_end = area_.left + area_.width * scale.zero_share();
  if (scale.zero_share() > 0) {
    canvas_.line({area_.left, bottom}, {zero_end - 12, bottom}, "hair stroke-muted");
    for (const double x : {zero_end - 12, zero_end - 7}) {
      canvas_.line({x - 2, bottom + 4}, {x + 2, bottom - 4}, "hair stroke-muted");
    }
    canvas_.line({zero_end - 7, bottom}, {area_.right(), bottom}, "hair stroke-muted");
  } else {
    canvas_.line({area_.left, bottom}, {area_.right(), bottom}, "hair stroke-muted");
  }
  double free_from = -INFINITY;
  for (const auto& tick : x_ticks_) {
    const double x = area_.left + scale.position(tick.value) * area_.width;
    canvas_.line({x, bottom}, {x, bottom + (tick.label.empty() ? 3 : 5)}, "hair stroke-muted");
    // A number that would touch its neighbour is left out; its tick stays.
    const double half = text_width(tick.label, plot_font_size) / 2;
    const double start = std::clamp(x - half, 0.0, std::max(0.0, options_.width - 2 * half));
    if (tick.label.empty() || start < free_from) continue;
    const bool at_end = x + half > options_.width, at_start = x < half;
    canvas_.text({at_end     ? options_.width
                  : at_start ? 0
                             : x,
                  bottom + 18},
                 tick.label, "fill-muted",
                 at_end     ? Anchor::end
                 : at_start ? Anchor::start
                            : Anchor::middle);
    free_from = start + 2 * half + 4;
  }
  if (!options_.x.label.empty()) {
    canvas_.text({area_.right(), options_.height - 5}, options_.x.label, "fill-muted", Anchor::end);
  }
}

void SvgPlot::keep_clear(const std::vector<Point>& line) {
  // Obstacles are boxes: a slanting piece is kept clear by a row of small ones.
  const double apart = 8;
  for (size_t i = 1; i < line.size(); ++i) {
    const Point &a = line[i - 1], &b = line[i];
    const int boxes = std::max(1, static_cast<int>(std::hypot(b.x - a.x, b.y - a.y) / apart));
    for (int k = 0; k < boxes; ++k) {
      const double share = (k + 0.5) / boxes;
      const Point at{a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)};
      if (!obstacles_.empty()) {
        const Box& last = obstacles_.back();
        const double dx = at.x - 3 - last.left, dy = at.y - 3 - last.top;
        if (last.width == 6 && std::hypot(dx, dy) < apart / 2) continue;
      }
      obstacles_.push_back({at.x - 3, at.y - 3, 6, 6});
    }
  }
}

SvgPlot& SvgPlot::line(const std::vector<double>& xs, const std::vector<double>& ys, Ink ink,
                       LineWeight weight) {
  if (xs.empty() || xs.size() != ys.size()) {
    fail<InputError>("line: expected as many x as y and at least one, got {} and {}", xs.size(),
                     ys.size());
  }
  std::vector<Point> points;
  for (size_t i = 0; i < xs.size(); ++i) points.push_back(place(xs[i], ys[i]));
  keep_clear(points);
  constexpr const char* shapes[] = {"line", "line thick", "line thin", "line dashed"};
  canvas_.polyline(points, classes(shapes[static_cast<int>(weight)], "stroke", ink));
  return *this;
}

SvgPlot& SvgPlot::mark(double x, double y, MarkStyle style, std::string text) {
  const Point at = place(x, y);
  canvas_.marker(at, style.marker, style.ink, style.hollow, style.faint);
  const double half = style.faint ? 3.5 : 5.5;
  obstacles_.push_back({at.x - half, at.y - half, 2 * half, 2 * half});
  if (!style.faint) marks_.push_back(obstacles_.back());
  if (!text.empty()) labels_.push_back({at, 8, std::move(text), style.ink});
  return *this;
}

SvgPlot& SvgPlot::label(double x, double y, std::string text, Ink ink, double clearance) {
  labels_.push_back({place(x, y), clearance, std::move(text), ink});
  return *this;
}

SvgPlot& SvgPlot::interval(double x, double low, double high, Ink ink) {
  const Point bottom = place(x, low), top = place(x, high);
  canvas_.line(bottom, top, classes("bar", "stroke", ink));
  obstacles_.push_back({top.x - 2, top.y, 4, bottom.y - top.y});
  return *this;
}

SvgPlot& SvgPlot::level(double y, Ink ink, std::string label) {
  const double at = area_.bottom() - options_.y.scale.position(y) * area_.height;
  canvas_.line({area_.left, at}, {area_.right(), at}, classes("hair dashed", "stroke", ink));
  obstacles_.push_back({area_.left, at - 1, area_.width, 2});
  if (!label.empty()) {
    // In the middle, where a cost plot has the fewest marks; it may go above or below the line.
    labels_.push_back({{area_.left + area_.width * 0.5, at}, 3, std::move(label), ink});
  }
  return *this;
}

SvgPlot& SvgPlot::upright(double x, Ink ink) {
  const double at = area_.left + options_.x.scale.position(x) * area_.width;
  canvas_.line({at, area_.top}, {at, area_.bottom()}, classes("hair", "stroke", ink));
  return *this;
}

std::vector<Point> SvgPlot::outline(const Histogram& data, double base, double unit) const {
  if (data.edges.size() != data.shares.size() + 1) {
    fail<InputError>("histogram: expected one edge more than bins, got {} and {}",
                     data.edges.size(), data.shares.size());
  }
  // From the first to the last bin that holds something, so that no line runs along the base.
  size_t first = 0, last = data.shares.size();
  while (first < last && data.shares[first] == 0) ++first;
  while (last > first && data.shares[last - 1] == 0) --last;
  if (first == last) return {};
  std::vector<Point> points = {place(data.edges[first], base)};
  for (size_t i = first; i < last; ++i) {
    const double top = base + data.shares[i] * unit;
    points.push_back(place(data.edges[i], top));
    points.push_back(place(data.edges[i + 1], top));
  }
  points.push_back(place(data.edges[last], base));
  return points;
}

SvgPlot& SvgPlot::histogram(const Histogram& data, double base, double unit, Ink ink) {
  const auto points = outline(data, base, unit);
  if (!points.empty()) canvas_.polygon(points, classes("tint", "fill", ink));
  return *this;
}

SvgPlot& SvgPlot::histogram_outline(const Histogram& data, double base, double unit, Ink ink) {
  const auto points = outline(data, base, unit);
  if (!points.empty()) canvas_.polyline(points, classes("edge", "stroke", ink));
  return *this;
}

SvgPlot& SvgPlot::rule(double y, Ink ink) {
  const double at = area_.bottom() - options_.y.scale.position(y) * area_.height;
  canvas_.line({area_.left, at}, {area_.right(), at}, classes("hair", "stroke", ink));
  return *this;
}

SvgPlot& SvgPlot::words(double width_share, double y, double shift, std::string_view text, Ink ink,
                        Anchor anchor, bool strong) {
  const Point at{area_.left + width_share * area_.width,
                 area_.bottom() - options_.y.scale.position(y) * area_.height + shift};
  canvas_.text(at, text, classes(strong ? "label" : "", "fill", ink), anchor);
  return *this;
}

std::vector<std::optional<PlacedLabel>> SvgPlot::place_all() const {
  std::vector<LabelRequest> requests;
  for (const auto& label : labels_) {
    requests.push_back({label.at.x, label.at.y, label.clearance,
                        text_width(label.text, plot_font_size) * 1.06, kLine - 1});
  }
  const Box bounds{area_.left, area_.top - 4, options_.width - area_.left, area_.height + 4};
  const auto fits = [&](const std::vector<PlacedLabel>& placed, size_t i) {
    const Box& box = placed[i].box;
    if (box.width * box.height - overlap(box, bounds) > 1) return false;
    for (const Box& mark : marks_) {
      if (overlap(box, mark) > kMayCover) return false;
    }
    return !placed[i].tangled;
  };
  std::vector<size_t> kept(requests.size());
  std::iota(kept.begin(), kept.end(), size_t{0});
  std::vector<PlacedLabel> placed;
  while (true) {
    std::vector<LabelRequest> wanted;
    for (const size_t i : kept) wanted.push_back(requests[i]);
    placed = place_labels(wanted, bounds, obstacles_);
    size_t bad = kept.size();
    while (bad > 0 && fits(placed, bad - 1)) --bad;
    if (bad == 0 || !options_.drop_crowded) break;
    // One at a time, then all again: the others have more room now.
    kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(bad) - 1);
  }
  std::vector<std::optional<PlacedLabel>> all(requests.size());
  for (size_t k = 0; k < kept.size(); ++k) all[kept[k]] = placed[k];
  return all;
}

std::vector<std::string> SvgPlot::left_out() const {
  std::vector<std::string> texts;
  const auto placed = place_all();
  for (size_t i = 0; i < placed.size(); ++i) {
    if (!placed[i]) texts.push_back(labels_[i].text);
  }
  return texts;
}

void SvgPlot::draw_labels(SvgCanvas& canvas) const {
  const auto placed = place_all();
  for (size_t i = 0; i < labels_.size(); ++i) {
    if (!placed[i]) continue;
    const Box& box = placed[i]->box;
    const Point& at = labels_[i].at;
    if (placed[i]->far && labels_[i].clearance > 3) {
      const Point nearest{std::clamp(at.x, box.left, box.right()),
                          std::clamp(at.y, box.top, box.bottom())};
      canvas.line(at, nearest, classes("hair", "stroke", labels_[i].ink));
    }
    // Words are set from the side of their point, so that a narrower font does not drift away.
    const Anchor anchor = box.left >= at.x      ? Anchor::start
                          : box.right() <= at.x ? Anchor::end
                                                : Anchor::middle;
    const double x = anchor == Anchor::start ? box.left
                     : anchor == Anchor::end ? box.right()
                                             : box.left + box.width / 2;
    canvas.text({x, box.top + kLine - 4.5}, labels_[i].text,
                classes("label halo", "fill", labels_[i].ink), anchor);
  }
}

SvgCanvas SvgPlot::picture() const {
  SvgCanvas canvas = canvas_;
  draw_labels(canvas);
  return canvas;
}

}  // namespace expunge
