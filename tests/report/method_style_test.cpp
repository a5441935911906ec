#include "expunge/report/method_style.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "expunge/core/error.h"
#include "report/report_sample.h"

namespace expunge {
namespace {

constexpr MethodRole kRoles[] = {MethodRole::nothing,   MethodRole::prediction,
                                 MethodRole::unlearner, MethodRole::baseline,
                                 MethodRole::reference, MethodRole::floor};

TEST(MethodStyle, TwentyFourBaselinesDifferAndEightInShape) {
  std::set<std::pair<Ink, Marker>> styles;
  std::set<Marker> shapes;
  for (size_t rank = 0; rank < 24; ++rank) {
    const MethodStyle style = method_style(MethodRole::baseline, rank);
    styles.insert({style.ink, style.marker});
    if (rank < 8) shapes.insert(style.marker);
    EXPECT_NE(style.ink, method_style(MethodRole::baseline, rank + 1).ink)
        << "neighbours, " << rank;
  }
  EXPECT_EQ(styles.size(), 24u);
  EXPECT_EQ(shapes.size(), 8u);
}

TEST(MethodStyle, NoOtherRoleLooksLikeABaseline) {
  std::set<Marker> baselines;
  for (size_t rank = 0; rank < 8; ++rank) {
    baselines.insert(method_style(MethodRole::baseline, rank).marker);
  }
  for (const auto role : kRoles) {
    if (role == MethodRole::baseline) continue;
    std::set<Marker> own;
    for (size_t rank = 0; rank < 3; ++rank) {
      own.insert(method_style(role, rank).marker);
      EXPECT_EQ(baselines.count(method_style(role, rank).marker), 0u);
    }
    EXPECT_EQ(own.size(), 3u);
  }
}

TEST(MethodStyle, MethodsKeepTheirStyles) {
  MethodStyles styles;
  styles.add("a", MethodRole::baseline).add("DMM", MethodRole::unlearner);
  styles.add("b", MethodRole::baseline).add("a", MethodRole::baseline);
  EXPECT_EQ(styles.of("a").marker, method_style(MethodRole::baseline, 0).marker);
  EXPECT_EQ(styles.of("b").marker, method_style(MethodRole::baseline, 1).marker);
  EXPECT_EQ(styles.of("DMM").ink, Ink::unlearned);
  EXPECT_THROW(styles.of("c"), InputError);
  EXPECT_THROW(styles.add("a", MethodRole::floor), InputError);
}

TEST(MethodStyle, RowsAreRankedAmongTheirRole) {
  ForgetSetSection section = sample_section("s");
  section.rows.push_back(row("SCRUB", MethodRole::baseline, 3, 1, 1, 0.1));
  section.rows.push_back(row("SCRUB", MethodRole::baseline, 3, 1, 1, 0.1));
  const auto styles = row_styles(section);
  ASSERT_EQ(styles.size(), 7u);
  EXPECT_EQ(styles[0].ink, Ink::full);
  EXPECT_NE(styles[5].marker, styles[6].marker);
}

}  // namespace
}  // namespace expunge
