// The figures of an experiment as one HTML file that needs nothing else, in the report's style.
#pragma once

#include <string>
#include <vector>

#include "expunge/report/svg_canvas.h"
#include "expunge/report/text_table.h"

namespace expunge {

/// Pictures that belong together: one forget set, one method.
struct FigurePanels {
  std::string heading;  ///< may be empty
  std::vector<SvgCanvas> pictures;
};

/// A small table; its first column names the rows.
struct FigureTable {
  std::string heading;  ///< may be empty
  TextTable table;
};

struct FigureSection {
  std::string id;                    ///< where a link points: a-z, 0-9 and -, not twice on a page
  std::string heading;               ///< "Figure 1: KLoM against cost"
  std::string sentence;              ///< what is to be seen
  std::vector<FigurePanels> panels;  ///< at least one picture
  std::string caption;               ///< how the pictures are to be read; may be empty
  std::vector<FigureTable> tables;
  std::vector<std::string> files;  ///< CSV and SVG files, relative to the page: linked
};

struct FiguresPage {
  std::string title;
  std::string subtitle;               ///< data set, network and sizes in a line; may be empty
  std::vector<std::string> warnings;  ///< shown above everything else
  std::vector<FigureSection> sections;
};

/// The whole page as UTF-8; the same page gives the same bytes. A content security policy in it
/// forbids every load and every script, whatever a name that came from a file may contain.
/// Throws InputError for a page without sections, a section without pictures, an id that is empty,
/// has other characters or occurs twice, and a file name that is empty or not relative.
std::string render_figures(const FiguresPage& page);

}  // namespace expunge
