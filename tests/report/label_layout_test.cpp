#include "expunge/report/label_layout.h"

#include <gtest/gtest.h>

namespace expunge {
namespace {

bool inside(const Box& box, const Box& bounds) {
  return box.left >= bounds.left && box.top >= bounds.top && box.right() <= bounds.right() &&
         box.bottom() <= bounds.bottom();
}

TEST(LabelLayout, OverlapIsTheSharedArea) {
  EXPECT_DOUBLE_EQ(overlap({0, 0, 4, 4}, {2, 3, 4, 4}), 2);
  EXPECT_DOUBLE_EQ(overlap({0, 0, 4, 4}, {4, 0, 4, 4}), 0) << "touching is not overlapping";
  EXPECT_DOUBLE_EQ(overlap({0, 0, 4, 4}, {9, 9, 1, 1}), 0);
}

TEST(LabelLayout, ALoneLabelStandsRightOfItsPoint) {
  const auto placed = place_labels({{50, 50, 6, 30, 12}}, {0, 0, 200, 100}, {});
  EXPECT_DOUBLE_EQ(placed[0].box.left, 56);
  EXPECT_DOUBLE_EQ(placed[0].box.top + 6, 50);
  EXPECT_FALSE(placed[0].far);
}

TEST(LabelLayout, TurnsAwayFromTheEdgeAndFromMarks) {
  const auto at_edge = place_labels({{195, 50, 6, 30, 12}}, {0, 0, 200, 100}, {});
  EXPECT_LE(at_edge[0].box.right(), 189 + 1e-9);
  const Box mark{56, 44, 30, 12};
  const auto beside = place_labels({{50, 50, 6, 30, 12}}, {0, 0, 200, 100}, {mark});
  EXPECT_DOUBLE_EQ(overlap(beside[0].box, mark), 0);
}

TEST(LabelLayout, CrowdedLabelsDoNotOverlapAndStayInside) {
  const Box bounds{0, 0, 300, 200};
  // The worst case of a cost plot: methods that cost and score the same.
  std::vector<LabelRequest> requests;
  for (int i = 0; i < 6; ++i) requests.push_back({150.0 + i, 100.0 + 0.5 * i, 8, 70, 14});
  requests.push_back({296, 100, 8, 70, 14});
  requests.push_back({4, 4, 8, 70, 14});
  const auto placed = place_labels(requests, bounds, {});
  for (size_t i = 0; i < placed.size(); ++i) {
    EXPECT_TRUE(inside(placed[i].box, bounds)) << i;
    for (size_t j = 0; j < i; ++j) {
      EXPECT_DOUBLE_EQ(overlap(placed[i].box, placed[j].box), 0) << i << " and " << j;
    }
  }
}

TEST(LabelLayout, SaysWhichLabelsCannotBeToldApart) {
  // Room for one label alone, and three that want it: all but one lie on another.
  const auto placed =
      place_labels(std::vector<LabelRequest>(3, LabelRequest{4, 8, 2, 60, 14}), {0, 0, 70, 16}, {});
  EXPECT_TRUE(placed[0].tangled || placed[1].tangled || placed[2].tangled);
  EXPECT_FALSE(place_labels({{4, 8, 2, 60, 14}}, {0, 0, 70, 16}, {})[0].tangled);
}

TEST(LabelLayout, NoLineRunsThroughALabelWhereThereIsRoom) {
  // The second mark is walled in, so that its label stands far away; the first one's label would
  // like to be just where the line passes.
  const Box bounds{0, 0, 400, 300};
  std::vector<Box> walls;
  for (const double y : {130.0, 160.0}) {
    for (int k = 0; k < 6; ++k) walls.push_back({150.0 + 15 * k, y, 12, 12});
  }
  const auto placed = place_labels(
      {{150, 120, 6, 60, 14}, {200, 150, 6, 60, 14}, {205, 152, 6, 60, 14}}, bounds, walls);
  for (const auto& label : placed) EXPECT_FALSE(label.tangled);
}

TEST(LabelLayout, IsDeterministic) {
  std::vector<LabelRequest> requests(5, LabelRequest{50, 50, 6, 40, 12});
  const auto once = place_labels(requests, {0, 0, 200, 100}, {});
  const auto again = place_labels(requests, {0, 0, 200, 100}, {});
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].box.left, again[i].box.left);
    EXPECT_EQ(once[i].box.top, again[i].box.top);
  }
  EXPECT_TRUE(place_labels({}, {0, 0, 10, 10}, {}).empty());
}

TEST(LabelLayout, TextWidthGrowsWithTextAndSize) {
  EXPECT_DOUBLE_EQ(text_width("", 12), 0);
  EXPECT_GT(text_width("mmm", 12), text_width("iii", 12));
  EXPECT_DOUBLE_EQ(text_width("ab", 24), 2 * text_width("ab", 12));
  EXPECT_GT(text_width("\xff\xfe", 12), 0) << "bytes that are no UTF-8 take room too";
}

}  // namespace
}  // namespace expunge
