#include "expunge/report/label_layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

#include "expunge/report/utf8.h"

namespace expunge {
namespace {

constexpr double kGap = 5;                                       // between labels
constexpr double kOutside = 40, kOnLabel = 20, kOnObstacle = 4;  // per square unit
constexpr double kLineOnLabel = 400, kLinesCross = 150, kLineOnObstacle = 12;

struct Segment {
  double x1, y1, x2, y2;
};

struct Candidate {
  Box box;
  double cost;  ///< of the place alone
  bool far;
  Segment line;  ///< from the point to the label
};

// On which side of the line through s the point lies: positive, negative, or 0 if on it.
double side_of(const Segment& s, double x, double y) {
  return (s.x2 - s.x1) * (y - s.y1) - (s.y2 - s.y1) * (x - s.x1);
}

bool cross(const Segment& a, const Segment& b) {
  return side_of(a, b.x1, b.y1) * side_of(a, b.x2, b.y2) < 0 &&
         side_of(b, a.x1, a.y1) * side_of(b, a.x2, a.y2) < 0;
}

bool crosses(const Segment& line, const Box& box) {
  const auto within = [&](double x, double y) {
    return x > box.left && x < box.right() && y > box.top && y < box.bottom();
  };
  return within(line.x1, line.y1) || within(line.x2, line.y2) ||
         cross(line, {box.left, box.top, box.right(), box.bottom()}) ||
         cross(line, {box.left, box.bottom(), box.right(), box.top});
}

Segment line_to(double x, double y, const Box& box) {
  return {x, y, std::clamp(x, box.left, box.right()), std::clamp(y, box.top, box.bottom())};
}

// What two labels cost each other where they stand.
double between(const Candidate& a, const Candidate& b) {
  const Box wider{b.box.left - kGap, b.box.top, b.box.width + 2 * kGap, b.box.height};
  double cost = kOnLabel * overlap(a.box, wider);
  if (a.far && crosses(a.line, b.box)) cost += kLineOnLabel;
  if (b.far && crosses(b.line, a.box)) cost += kLineOnLabel;
  if (a.far && b.far && cross(a.line, b.line)) cost += kLinesCross;
  return cost;
}

std::vector<Candidate> candidates_of(const LabelRequest& request, const Box& bounds,
                                     const std::vector<Box>& obstacles) {
  // Right first: that is where one starts to read. (dx, dy) are in units of the label's size from
  // the point to the label's centre; the last eight, between the others, for far labels only.
  struct Side {
    double dx, dy;
  };
  constexpr Side sides[] = {{1, 0},   {-1, 0}, {0, -1},   {0, 1},  {1, -1},   {1, 1},
                            {-1, -1}, {-1, 1}, {.5, -1},  {.5, 1}, {-.5, -1}, {-.5, 1},
                            {1, -.5}, {1, .5}, {-1, -.5}, {-1, .5}};
  constexpr size_t near_sides = 8;
  std::vector<Candidate> candidates;
  for (const double extra : {0.0, 10.0, 22.0, 36.0, 52.0, 70.0}) {
    double rank = extra * 4;
    for (size_t i = 0; i < (extra > 0 ? std::size(sides) : near_sides); ++i) {
      const Side& side = sides[i];
      const bool diagonal = side.dx != 0 && side.dy != 0;
      const double gap = request.clearance * (diagonal ? 0.75 : 1) + extra;
      const double x = request.x + side.dx * (gap + request.width / 2);
      const double y = request.y + side.dy * (gap + request.height / 2);
      const Box box{x - request.width / 2, y - request.height / 2, request.width, request.height};
      const Segment line = line_to(request.x, request.y, box);
      // Its own mark lies around the line's start.
      const Segment rest{line.x1 + 0.2 * (line.x2 - line.x1), line.y1 + 0.2 * (line.y2 - line.y1),
                         line.x2, line.y2};
      double cost = rank++;
      cost += kOutside * (box.width * box.height - overlap(box, bounds));
      for (const Box& obstacle : obstacles) {
        cost += kOnObstacle * overlap(box, obstacle);
        if (extra > 0 && crosses(rest, obstacle)) cost += kLineOnObstacle;
      }
      candidates.push_back({box, cost, extra > 0, line});
    }
  }
  return candidates;
}

}  // namespace

double overlap(const Box& a, const Box& b) {
  const double width = std::min(a.right(), b.right()) - std::max(a.left, b.left);
  const double height = std::min(a.bottom(), b.bottom()) - std::max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

std::vector<PlacedLabel> place_labels(const std::vector<LabelRequest>& requests, const Box& bounds,
                                      const std::vector<Box>& obstacles) {
  std::vector<std::vector<Candidate>> candidates;
  for (const auto& request : requests) {
    candidates.push_back(candidates_of(request, bounds, obstacles));
  }
  std::vector<int> chosen(requests.size(), -1);
  const int rounds = 20;
  for (int round = 0; round < rounds; ++round) {
    bool changed = false;
    for (size_t i = 0; i < requests.size(); ++i) {
      int best = 0;
      double best_cost = INFINITY;
      for (size_t k = 0; k < candidates[i].size(); ++k) {
        double cost = candidates[i][k].cost;
        for (size_t j = 0; j < requests.size(); ++j) {
          if (j == i || chosen[j] < 0) continue;
          cost += between(candidates[i][k], candidates[j][chosen[j]]);
        }
        if (cost < best_cost) best_cost = cost, best = static_cast<int>(k);
      }
      changed = changed || best != chosen[i];
      chosen[i] = best;
    }
    if (!changed) break;
  }
  std::vector<PlacedLabel> placed;
  for (size_t i = 0; i < requests.size(); ++i) {
    const Candidate& mine = candidates[i][chosen[i]];
    placed.push_back({mine.box, mine.far, false});
    for (size_t j = 0; j < requests.size(); ++j) {
      if (j == i) continue;
      const Candidate& other = candidates[j][chosen[j]];
      placed.back().tangled = placed.back().tangled || overlap(mine.box, other.box) > 0 ||
                              (mine.far && crosses(mine.line, other.box));
    }
  }
  return placed;
}

double text_width(std::string_view text, double font_size) {
  double em = 0;
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    const char32_t c = next_code_point(text, position);
    if (c > 0x7E) {
      em += display_width(text.substr(start, position - start)) > 1 ? 1.0 : 0.64;
    } else if (std::strchr("iljI.,:;|!'()[] ftr", static_cast<int>(c))) {
      em += 0.38;
    } else if (std::strchr("mwMW%@", static_cast<int>(c))) {
      em += 0.95;
    } else {
      em += c < 0x60 ? 0.68 : 0.63;
    }
  }
  return em * font_size;
}

}  // namespace expunge
