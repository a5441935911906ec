#include "expunge/report/palette.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace expunge {
namespace {

/// WCAG 2.1, relative luminance.
double luminance(std::string_view colour) {
  const auto channel = [&](size_t at) {
    const double c = std::stoi(std::string(colour.substr(at, 2)), nullptr, 16) / 255.0;
    return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

double contrast(std::string_view a, std::string_view b) {
  const double x = luminance(a) + 0.05, y = luminance(b) + 0.05;
  return std::max(x, y) / std::min(x, y);
}

TEST(Palette, EveryInkOfWordsHasTheContrastOfWcagAA) {
  ASSERT_NEAR(contrast("#000000", "#ffffff"), 21, 1e-9);
  const auto& surface = palette()[static_cast<size_t>(Ink::surface)];
  for (const auto& ink : palette()) {
    if (ink.ink == Ink::surface || ink.ink == Ink::rule) continue;
    EXPECT_GE(contrast(ink.light, surface.light), 4.5) << ink.name;
    EXPECT_GE(contrast(ink.light, "#ffffff"), 4.5) << ink.name << " in a file of its own";
    EXPECT_GE(contrast(ink.dark, surface.dark), 4.5) << ink.name << ", dark";
  }
}

TEST(Palette, IsInTheOrderOfTheEnumeration) {
  for (size_t i = 0; i < palette().size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(palette()[i].ink), i);
    EXPECT_NE(svg_rules(false).find(".fill-" + std::string(palette()[i].name)), std::string::npos);
    EXPECT_NE(palette_variables(true).find(palette()[i].dark), std::string::npos);
  }
}

}  // namespace
}  // namespace expunge
