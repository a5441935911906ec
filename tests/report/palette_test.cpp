#include "expunge/report/palette.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

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

/// How colours look to readers without one kind of cone (Machado, Oliveira and Fernandes, IEEE
/// TVCG 15, 2009, severity 1): linear RGB in, linear RGB out.
constexpr double kSights[][3][3] = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
                                    {{0.152286, 1.052583, -0.204868},
                                     {0.114503, 0.786281, 0.099216},
                                     {-0.003882, -0.048116, 1.051998}},
                                    {{0.367322, 0.860646, -0.227968},
                                     {0.280085, 0.672501, 0.047413},
                                     {-0.011820, 0.042940, 0.968881}},
                                    {{1.255528, -0.076749, -0.178779},
                                     {-0.078411, 0.930809, 0.147602},
                                     {0.004733, 0.691367, 0.303900}}};

/// CIE 1976 L*a*b* under D65 of a colour as one kind of reader sees it.
std::array<double, 3> seen(std::string_view colour, const double (&sight)[3][3]) {
  std::array<double, 3> linear{}, rgb{};
  for (size_t i = 0; i < 3; ++i) {
    const double c = std::stoi(std::string(colour.substr(1 + 2 * i, 2)), nullptr, 16) / 255.0;
    linear[i] = c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  }
  for (size_t i = 0; i < 3; ++i) {
    for (size_t k = 0; k < 3; ++k) rgb[i] += sight[i][k] * linear[k];
    rgb[i] = std::clamp(rgb[i], 0.0, 1.0);
  }
  const auto f = [](double t) {
    return t > 216.0 / 24389 ? std::cbrt(t) : (24389.0 / 27 * t + 16) / 116;
  };
  const double x = f((0.4124 * rgb[0] + 0.3576 * rgb[1] + 0.1805 * rgb[2]) / 0.9505);
  const double y = f(0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]);
  const double z = f((0.0193 * rgb[0] + 0.1192 * rgb[1] + 0.9505 * rgb[2]) / 1.089);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

TEST(Palette, BaselinesAndAlertsAreToldApartByColourBlindReaders) {
  const std::pair<Ink, Ink> pairs[] = {{Ink::muted, Ink::indigo},
                                       {Ink::muted, Ink::umber},
                                       {Ink::indigo, Ink::umber},
                                       {Ink::alert, Ink::muted},
                                       {Ink::alert, Ink::text}};
  for (const auto& [a, b] : pairs) {
    for (const bool dark : {false, true}) {
      for (size_t kind = 0; kind < std::size(kSights); ++kind) {
        const InkColour &one = palette()[static_cast<size_t>(a)],
                        &other = palette()[static_cast<size_t>(b)];
        const auto p = seen(dark ? one.dark : one.light, kSights[kind]);
        const auto q = seen(dark ? other.dark : other.light, kSights[kind]);
        // What can just be told apart side by side is about 2.
        EXPECT_GE(std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]), 16)
            << one.name << " and " << other.name << ", dark " << dark << ", sight " << kind;
      }
    }
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
