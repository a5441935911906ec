#include "expunge/report/label_layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "expunge/report/utf8.h"

namespace expunge {
namespace {

constexpr double kGap = 5;                                       // between labels
constexpr double kOutside = 40, kOnLabel = 20, kOnObstacle = 4;  // per square unit

struct Candidate {
  Box box;
  double cost;  ///< of the place alone
  bool far;
};

std::vector<Candidate> candidates_of(const LabelRequest& request, const Box& bounds,
                                     const std::vector<Box>& obstacles) {
  // Right first: that is where one starts to read. (dx, dy) are in units of the label's size from
  // the point to the label's centre.
  struct Side {
    double dx, dy;
  };
  constexpr Side sides[] = {{1, 0}, {-1, 0}, {0, -1}, {0, 1}, {1, -1}, {1, 1}, {-1, -1}, {-1, 1}};
  std::vector<Candidate> candidates;
  for (const double extra : {0.0, 10.0, 22.0, 36.0, 52.0}) {
    double rank = extra * 4;
    for (const Side& side : sides) {
      const bool diagonal = side.dx != 0 && side.dy != 0;
      const double gap = request.clearance * (diagonal ? 0.75 : 1) + extra;
      const double x = request.x + side.dx * (gap + request.width / 2);
      const double y = request.y + side.dy * (gap + request.height / 2);
      const Box box{x - request.width / 2, y - request.height / 2, request.width, request.height};
      double cost = rank++;
      cost += kOutside * (box.width * box.height - overlap(box, bounds));
      for (const Box& obstacle : obstacles) cost += kOnObstacle * overlap(box, obstacle);
      candidates.push_back({box, cost, extra > 0});
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
          const Box& other = candidates[j][chosen[j]].box;
          const Box wider{other.left - kGap, other.top, other.width + 2 * kGap, other.height};
          cost += kOnLabel * overlap(candidates[i][k].box, wider);
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
    placed.push_back({candidates[i][chosen[i]].box, candidates[i][chosen[i]].far});
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
