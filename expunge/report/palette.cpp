#include "expunge/report/palette.h"

#include <fmt/format.h>

namespace expunge {

const std::array<InkColour, 11>& palette() {
  static constexpr std::array<InkColour, 11> inks = {{
      {Ink::text, "text", "#1b1d20", "#e7e7e4"},
      {Ink::muted, "muted", "#5f646b", "#a0a4aa"},
      {Ink::rule, "rule", "#e2e2dd", "#30343a"},
      {Ink::surface, "surface", "#fcfcfa", "#15171a"},
      {Ink::full, "full", "#bd4b00", "#f0935a"},
      {Ink::oracle, "oracle", "#0069a8", "#6cb8ee"},
      {Ink::unlearned, "unlearned", "#007a58", "#3fc79b"},
      {Ink::predicted, "predicted", "#a03374", "#e590c2"},
      {Ink::alert, "alert", "#c4001d", "#ff6b6b"},
      {Ink::indigo, "indigo", "#4a2fa8", "#9080ff"},
      {Ink::umber, "umber", "#6b3a1e", "#e3cdb2"},
  }};
  return inks;
}

std::string_view ink_name(Ink ink) {
  return palette()[static_cast<size_t>(ink)].name;
}

std::string palette_variables(bool dark) {
  std::string css;
  for (const auto& ink : palette()) {
    css += fmt::format("--{}:{};", ink.name, dark ? ink.dark : ink.light);
  }
  return css;
}

std::string svg_rules(bool variables) {
  const auto colour = [&](const InkColour& ink) {
    return variables ? fmt::format("var(--{})", ink.name) : std::string(ink.light);
  };
  std::string css;
  for (const auto& ink : palette()) {
    css += fmt::format(".plot .fill-{0}{{fill:{1}}}.plot .stroke-{0}{{stroke:{1}}}\n", ink.name,
                       colour(ink));
  }
  css += fmt::format(
      ".plot text{{font-family:{};font-size:{}px;font-variant-numeric:tabular-nums}}\n"
      ".plot .heading{{font-size:13px;font-weight:600}}\n"
      ".plot .label{{font-weight:600}}\n"
      ".plot .line{{fill:none;stroke-linejoin:round;stroke-linecap:round;stroke-width:1.75}}\n"
      ".plot .thick{{stroke-width:2.25}}\n"
      ".plot .thin{{stroke-width:1;stroke-opacity:.5}}\n"
      ".plot .hair{{fill:none;stroke-width:1}}\n"
      ".plot .edge{{fill:none;stroke-width:1.25;stroke-linejoin:round}}\n"
      ".plot .bar{{fill:none;stroke-width:2;stroke-opacity:.55;stroke-linecap:round}}\n"
      ".plot .dashed{{stroke-dasharray:3 3}}\n"
      ".plot .tint{{fill-opacity:.34;stroke:none}}\n"
      ".plot .wash{{fill-opacity:.12;stroke:none}}\n"
      ".plot .hollow{{stroke-width:2}}\n"
      ".plot .faint{{stroke-width:1.25;opacity:.5}}\n"
      ".plot .halo{{paint-order:stroke;stroke:{};stroke-width:3.5px;stroke-linejoin:round}}\n",
      kSansFonts, plot_font_size, colour(palette()[static_cast<size_t>(Ink::surface)]));
  return css;
}

}  // namespace expunge
