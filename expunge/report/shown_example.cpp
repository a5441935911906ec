#include "expunge/report/shown_example.h"

#include <fmt/format.h>

#include "expunge/report/escape.h"
#include "expunge/report/png_data_uri.h"

namespace expunge {

bool is_drawable(const torch::Tensor& image) {
  if (!image.defined() || image.dim() != 3 || (image.size(0) != 1 && image.size(0) != 3) ||
      image.size(1) < 2 || image.size(2) < 2)
    return false;
  if (image.scalar_type() == torch::kUInt8) return true;
  if (!image.is_floating_point() || !torch::isfinite(image).all().item<bool>()) return false;
  return image.min().item<double>() >= 0 && image.max().item<double>() <= 1;
}

std::string example_image_html(const ShownExample& example, int width) {
  if (!is_drawable(example.image)) return "";
  const auto height = example.image.size(1) * width / example.image.size(2);
  return fmt::format(R"(<img src="{}" width="{}" height="{}" alt="example {}: {}">)",
                     png_data_uri(example.image), width, height, example.index,
                     escape_markup(example.label));
}

std::string example_rows_html(std::span<const ShownExample> examples) {
  if (examples.empty()) return "";
  std::string html = "<ul class=\"shown\">\n";
  for (const auto& example : examples) {
    html += fmt::format("<li{}>{}<span>{}</span><small>{}</small><b>{}</b>",
                        example.strong ? " class=\"out\"" : "", example_image_html(example, 84),
                        escape_markup(example.label), example.index, escape_markup(example.value));
    if (!example.note.empty())
      html += fmt::format("<small>{}</small>", escape_markup(example.note));
    html += "</li>\n";
  }
  return html + "</ul>\n";
}

std::string shown_example_style() {
  return R"css(
.shown{display:grid;grid-template-columns:repeat(10,minmax(0,1fr));gap:20px 12px;padding:0;
list-style:none;margin-top:14px}
.shown li{display:flex;flex-direction:column;font-size:.86rem;line-height:1.35;overflow-wrap:anywhere}
.shown img,.asked img{display:block;image-rendering:pixelated;border-radius:3px;object-fit:contain}
.shown img{max-width:100%;height:auto;align-self:flex-start;margin-bottom:6px}
.shown small{font-size:.78rem}
.shown b{font-weight:400;font-variant-numeric:tabular-nums;margin-top:2px}
.shown .out b{font-weight:650}
.shown+h3,.asked+h3{margin-top:30px}
.asked{display:flex;flex-wrap:wrap;gap:18px 28px;align-items:flex-start;margin-top:14px}
.asked>div{flex:1 1 300px;min-width:0}
@media (max-width:1060px){.shown{grid-template-columns:repeat(auto-fill,minmax(92px,1fr))}}
@media (max-width:560px){
.shown{grid-template-columns:repeat(3,minmax(0,1fr));gap:18px 12px}
}
@media print{.shown li{break-inside:avoid}}
)css";
}

}  // namespace expunge
