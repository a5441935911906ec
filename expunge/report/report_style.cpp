#include "expunge/report/report_style.h"

#include <fmt/format.h>

#include "expunge/report/palette.h"

namespace expunge {
namespace {

// Words are held to a measure that reads well; tables and pictures use the full width.
constexpr std::string_view kPage = R"css(
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--surface);color:var(--text);font-size:16px;line-height:1.55}
main{max-width:1120px;margin:0 auto;padding:clamp(28px,6vw,72px) clamp(16px,4vw,40px) 72px}
h1,h2,h3,p,figure,dl,dd,ul{margin:0}
h1{font-size:clamp(1.55rem,1.2rem + 1.5vw,2.15rem);line-height:1.18;font-weight:650;
letter-spacing:-.018em;max-width:30ch;text-wrap:balance}
h2{font-size:1.35rem;line-height:1.25;font-weight:650;letter-spacing:-.01em}
h3{font-size:1rem;line-height:1.35;font-weight:650;margin:40px 0 4px}
p{max-width:70ch;overflow-wrap:break-word}
p+p{margin-top:.6em}
strong{font-weight:650;font-variant-numeric:tabular-nums}
small,.muted,figcaption,.caption{color:var(--muted)}
a{color:inherit}
.eyebrow{color:var(--muted);font-size:.85rem;margin-bottom:14px}
.subtitle{color:var(--muted);margin-top:10px}
.lead{font-size:clamp(1.08rem,1rem + .5vw,1.28rem);line-height:1.5;margin-top:28px;max-width:58ch}
.warnings{margin-top:28px;padding:2px 0 2px 16px;border-left:3px solid var(--full);max-width:72ch}
.warnings ul{padding-left:1.1em}
section{margin-top:56px;padding-top:28px;border-top:1px solid var(--rule)}
section>h2+*{margin-top:6px}
.result{margin-top:14px;font-size:1.06rem}
.scroll{overflow-x:auto;margin-top:10px;-webkit-overflow-scrolling:touch}
.scroll:focus-visible{outline:2px solid var(--oracle);outline-offset:4px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;line-height:1.3}
.caption{font-size:.85rem;margin-top:26px}
th{font-weight:400;color:var(--muted);font-size:.85rem;text-align:right;vertical-align:bottom}
th,td{padding:9px 0 9px 18px;white-space:nowrap}
thead th{padding-top:0;padding-bottom:7px}
thead tr:last-child th{border-bottom:1px solid var(--muted)}
thead .group{text-align:center;padding-bottom:5px}
thead .group span{display:block;border-bottom:1px solid var(--rule);padding-bottom:5px}
tbody tr+tr>*{border-top:1px solid var(--rule)}
tbody th{color:var(--text);font-size:1rem;text-align:left;vertical-align:top;position:sticky;left:0;
background:var(--surface);padding-left:0;padding-right:10px;white-space:normal;min-width:7.5em}
thead th:first-child{position:sticky;left:0;background:var(--surface);text-align:left;padding-left:0}
tbody th small{display:block;font-size:.8rem;padding-left:20px;max-width:26em}
td{text-align:right;vertical-align:top;width:92px}
td small{display:block;font-size:.78rem}
td.mean{color:var(--muted)}
.name{display:flex;gap:8px;align-items:baseline}
.name svg{flex:none;align-self:center}
tr.unlearner .name,tr.unlearner td.p95>span{font-weight:650}
figure{margin-top:34px}
figcaption{font-size:.85rem;line-height:1.45;max-width:82ch;margin-top:10px}
svg.plot{display:block}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:28px 32px}
.panels svg,.wide svg{width:100%;height:auto}
.panels>*{max-width:430px}
.wide svg{max-width:420px}
.images{display:grid;grid-template-columns:repeat(10,1fr);gap:18px 12px;padding:0;list-style:none;
margin-top:18px}
.images img,.example img{display:block;image-rendering:pixelated;border-radius:3px}
.images img{width:min(84px,100%);height:auto}
.images li{font-size:.78rem;line-height:1.3;overflow-wrap:anywhere}
.images img+span{display:block;margin-top:6px}
.example{display:grid;gap:10px}
.example header{display:flex;gap:12px;align-items:center;line-height:1.3;min-height:56px}
.example img{width:56px;height:56px;object-fit:contain;flex:none}
.example header small{display:block;font-size:.82rem}
.key{display:flex;flex-wrap:wrap;gap:4px 22px;font-size:.85rem;color:var(--muted);margin:12px 0 22px}
.key span{display:inline-flex;gap:8px;align-items:center}
nav{margin-top:28px}
nav ul{padding-left:1.1em}
.panels+h3{margin-top:34px}
figure>h3:first-child{margin-top:0}
figure>h3+.panels{margin-top:12px}
.small td{width:auto}
th.left,td.left{text-align:left}
td.left{color:var(--muted);font-size:.9rem}
table.small{width:auto;min-width:min(100%,560px)}
figure+.scroll{margin-top:28px}
.files{margin-top:18px;font-size:.85rem;color:var(--muted);overflow-wrap:anywhere}
.settings{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));
gap:6px 48px}
.settings h3{margin:22px 0 6px}
dl div{display:grid;grid-template-columns:minmax(7.5em,2fr) 3fr;gap:12px;padding:5px 0;
border-top:1px solid var(--rule);font-size:.9rem;line-height:1.4}
dt{color:var(--muted)}
dd{overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
pre{margin:14px 0 0;padding:14px 16px;overflow-x:auto;border:1px solid var(--rule);
border-radius:6px;font-size:.88rem;line-height:1.5}
pre:focus-visible{outline:2px solid var(--oracle)}
code{font-size:.94em}
pre code{font-size:1em}
.split{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:24px 48px;
align-items:start}
.split figure{margin-top:0}
@media (max-width:860px){
.images{grid-template-columns:repeat(auto-fill,minmax(60px,1fr))}
.split{grid-template-columns:minmax(0,1fr)}
}
@media (max-width:560px){
th,td{padding-left:9px}
th{font-size:.78rem}
tbody th{min-width:5.4em;font-size:.94rem}
td{width:auto;font-size:.94rem}
.name{gap:6px}
tbody th small{display:none}
td small{font-size:.72rem}
}
@media print{
main{max-width:none;padding:0}
section{break-before:auto}
tr,figure>svg,.example,.images li{break-inside:avoid}
.scroll{overflow:visible}
}
)css";

}  // namespace

std::string report_style() {
  return fmt::format(
      ":root{{color-scheme:light dark;{}}}\n"
      "@media (prefers-color-scheme:dark){{:root{{{}}}}}\n"
      // Paper is white whatever the screen prefers.
      "@media print{{:root{{{}}}}}\n"
      "body{{font-family:{}}}\ncode,pre{{font-family:{}}}{}{}",
      palette_variables(false), palette_variables(true), palette_variables(false), kSansFonts,
      kMonoFonts, kPage, svg_rules(true));
}

}  // namespace expunge
