#include "expunge/report/svg_canvas.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"
#include "expunge/report/escape.h"

namespace expunge {
namespace {

/// Two decimals without trailing zeros; -0 is 0.
std::string number(double value) {
  if (!std::isfinite(value)) {
    fail<NonFiniteError>("picture: expected finite coordinates, got {}", value);
  }
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string opening(double width, double height, std::string_view title,
                    std::string_view description) {
  std::string out = fmt::format(
      R"(<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}")",
      number(width), number(height));
  if (title.empty()) return out + " aria-hidden=\"true\">";
  return out + fmt::format(" role=\"img\"><title>{}</title><desc>{}</desc>\n", escape_markup(title),
                           escape_markup(description));
}

/// Corners evenly around the centre, the first one on top, at these distances in turn.
std::vector<Point> around(int corners, double first, double second) {
  std::vector<Point> points;
  for (int i = 0; i < corners; ++i) {
    const double angle = 2 * M_PI * i / corners, radius = i % 2 == 0 ? first : second;
    points.push_back({radius * std::sin(angle), -radius * std::cos(angle)});
  }
  return points;
}

/// Corners of a shape, in units of its radius; none for shapes without.
std::vector<Point> corners_of(Marker shape) {
  switch (shape) {
    case Marker::diamond:
      return {{0, -1.25}, {1.25, 0}, {0, 1.25}, {-1.25, 0}};
    case Marker::triangle:
      return {{0, -1.15}, {1.1, 0.8}, {-1.1, 0.8}};
    case Marker::triangle_down:
      return {{0, 1.15}, {1.1, -0.8}, {-1.1, -0.8}};
    case Marker::triangle_left:
      return {{-1.15, 0}, {0.8, -1.1}, {0.8, 1.1}};
    case Marker::triangle_right:
      return {{1.15, 0}, {-0.8, -1.1}, {-0.8, 1.1}};
    case Marker::hourglass:
      return {{-1, -1.1}, {1, -1.1}, {-1, 1.1}, {1, 1.1}};
    case Marker::pentagon:
      return around(5, 1.2, 1.2);
    case Marker::star:
      return around(10, 1.5, 0.65);
    default:
      return {};
  }
}

/// Ends of the strokes of a shape that is made of strokes through its centre; none for others.
std::vector<Point> arms_of(Marker shape) {
  switch (shape) {
    case Marker::cross:
      return {{0.95, 0.95}, {0.95, -0.95}};
    case Marker::plus:
      return {{1.25, 0}, {0, 1.25}};
    case Marker::asterisk:
      return {{0, 1.25}, {1.08, 0.62}, {1.08, -0.62}};
    default:
      return {};
  }
}

}  // namespace

SvgCanvas::SvgCanvas(double width, double height, std::string title, std::string description)
    : width_(width),
      height_(height),
      title_(std::move(title)),
      description_(std::move(description)) {
  if (!(width > 0 && height > 0)) {
    fail<InputError>("picture: expected a positive size, got {} x {}", width, height);
  }
}

void SvgCanvas::line(Point from, Point to, std::string_view classes) {
  body_ += fmt::format(R"(<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>)", classes,
                       number(from.x), number(from.y), number(to.x), number(to.y));
  body_ += '\n';
}

void SvgCanvas::points_element(std::string_view name, const std::vector<Point>& points,
                               std::string_view classes) {
  body_ += fmt::format(R"(<{} class="{}" points=")", name, classes);
  for (size_t i = 0; i < points.size(); ++i) {
    body_ += fmt::format("{}{},{}", i > 0 ? " " : "", number(points[i].x), number(points[i].y));
  }
  body_ += "\"/>\n";
}

void SvgCanvas::polyline(const std::vector<Point>& points, std::string_view classes) {
  points_element("polyline", points, classes);
}

void SvgCanvas::polygon(const std::vector<Point>& points, std::string_view classes) {
  points_element("polygon", points, classes);
}

void SvgCanvas::rect(const Box& box, std::string_view classes) {
  body_ += fmt::format(R"(<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>)", classes,
                       number(box.left), number(box.top), number(box.width), number(box.height));
  body_ += '\n';
}

void SvgCanvas::text(Point at, std::string_view text, std::string_view classes, Anchor anchor) {
  constexpr const char* anchors[] = {"start", "middle", "end"};
  body_ += fmt::format(R"(<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>)", classes,
                       number(at.x), number(at.y), anchors[static_cast<int>(anchor)],
                       escape_markup(text));
  body_ += '\n';
}

void SvgCanvas::marker(Point at, Marker shape, Ink ink, bool hollow, bool faint) {
  const std::string classes = fmt::format("hollow{} stroke-{} fill-{}", faint ? " faint" : "",
                                          ink_name(ink), hollow ? "surface" : ink_name(ink));
  const double r = faint ? 2.6 : 3.75;
  if (shape == Marker::circle) {
    body_ += fmt::format(R"(<circle class="{}" cx="{}" cy="{}" r="{}"/>)", classes, number(at.x),
                         number(at.y), number(r));
    body_ += '\n';
  } else if (shape == Marker::square) {
    rect({at.x - r * 0.88, at.y - r * 0.88, r * 1.76, r * 1.76}, classes);
  } else if (const auto arms = arms_of(shape); !arms.empty()) {
    // One path, so that an element is a mark.
    std::string path;
    for (const Point& arm : arms) {
      path += fmt::format("M{},{}L{},{}", number(at.x - r * arm.x), number(at.y - r * arm.y),
                          number(at.x + r * arm.x), number(at.y + r * arm.y));
    }
    body_ += fmt::format(R"(<path class="{}" d="{}"/>)", classes, path);
    body_ += '\n';
  } else {
    std::vector<Point> corners = corners_of(shape);
    for (Point& corner : corners) corner = {at.x + r * corner.x, at.y + r * corner.y};
    polygon(corners, classes);
  }
}

void SvgCanvas::add(const SvgCanvas& picture, Point at) {
  body_ += fmt::format("<g transform=\"translate({} {})\">\n{}</g>\n", number(at.x), number(at.y),
                       picture.body_);
}

std::string SvgCanvas::embedded() const {
  return opening(width_, height_, title_, description_) + body_ + "</svg>";
}

std::string SvgCanvas::file() const {
  return file({*this}, 1, title_);
}

std::string SvgCanvas::file(const std::vector<SvgCanvas>& pictures, size_t columns,
                            std::string_view title) {
  if (pictures.empty() || columns == 0) {
    fail<InputError>("picture file: expected pictures and columns, got {} and {}", pictures.size(),
                     columns);
  }
  // Every cell has the size of the largest picture.
  const double edge = 12;
  double width = 0, height = 0;
  for (const auto& picture : pictures) {
    width = std::max(width, picture.width_);
    height = std::max(height, picture.height_);
  }
  columns = std::min(columns, pictures.size());
  const size_t rows = (pictures.size() + columns - 1) / columns;
  const double whole_width = width * columns + edge * (columns + 1);
  const double whole_height = height * rows + edge * (rows + 1);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  std::string description;
  for (const auto& picture : pictures) {
    description += (description.empty() ? "" : " ") + picture.description_;
  }
  out += opening(whole_width, whole_height, title, description);
  out += fmt::format("<style>\n{}</style>\n", svg_rules(false));
  // Not the page's off-white: a file stands alone, mostly on white.
  out += fmt::format("<rect width=\"{}\" height=\"{}\" fill=\"#ffffff\"/>\n", number(whole_width),
                     number(whole_height));
  for (size_t i = 0; i < pictures.size(); ++i) {
    const size_t row = i / columns;
    const size_t column = i % columns;
    out +=
        fmt::format("<g transform=\"translate({} {})\">\n{}</g>\n",
                    number(edge + static_cast<double>(column) * (width + edge)),
                    number(edge + static_cast<double>(row) * (height + edge)), pictures[i].body_);
  }
  return out + "</svg>\n";
}

}  // namespace expunge
