// The report's colours, and the style sheet that its SVG pictures share.
//
// The first four data colours follow Okabe and Ito (Color Universal Design, 2008) and, for purple,
// Tol (Colour Schemes, SRON 2021), darkened on white and lightened on black until text in them has
// a contrast of at least 4.5 : 1 (WCAG 2.1, 1.4.3) against its background; the test computes it.
// Baselines are muted, indigo or umber, and alert is red beside muted: the test sees these as
// colour-blind readers do, too. Marks differ in shape and lines in weight as well, so that no
// reading depends on colour alone.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace expunge {

enum class Ink {
  text,       ///< words
  muted,      ///< words of less weight, axes
  rule,       ///< grid lines and hairlines (decoration: no contrast demanded)
  surface,    ///< the background
  full,       ///< the full model: nothing done
  oracle,     ///< oracles: retraining, and matching of oracles
  unlearned,  ///< unlearned models
  predicted,  ///< predicted logits, not a model
  alert,      ///< what goes wrong, beside muted things that do not
  indigo,     ///< baselines, as muted
  umber,      ///< baselines
};

struct InkColour {
  Ink ink;
  std::string_view name;   ///< in CSS: var(--name), .fill-name, .stroke-name
  std::string_view light;  ///< "#rrggbb" on a light page
  std::string_view dark;   ///< "#rrggbb" on a dark page
};

/// All inks, in the order of the enumeration.
const std::array<InkColour, 11>& palette();
std::string_view ink_name(Ink ink);

/// "--text:#1b1d20;--muted:..." for a :root rule.
std::string palette_variables(bool dark);

/// Of words in plots, pixels.
inline constexpr double plot_font_size = 11.5;

/// CSS rules for everything that SvgCanvas draws. With `variables`, colours are var(--name) and
/// follow the page between light and dark; without, they are the light ones in place, for SVG files
/// that are opened by programs that know no CSS variables.
std::string svg_rules(bool variables);

/// Fonts that are on the reader's machine, most fitting first; nothing is loaded.
inline constexpr std::string_view kSansFonts =
    "Inter,'Source Sans 3','Source Sans Pro',-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,"
    "'Helvetica Neue',Arial,'Noto Sans','Liberation Sans',sans-serif";
inline constexpr std::string_view kMonoFonts =
    "ui-monospace,'SF Mono','JetBrains Mono','Cascadia Code',Menlo,Consolas,'Liberation Mono',"
    "monospace";

}  // namespace expunge
