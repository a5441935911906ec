// One experiment as one HTML file that needs nothing else: no network, no script, no other file.
#pragma once

#include <string>

#include "expunge/report/report_data.h"

namespace expunge {

/// The whole page as UTF-8. The same data give the same bytes (with the same libpng and zlib). A
/// content security policy in the page forbids every load and every script, whatever a name that
/// came from a file may contain.
/// Throws what check() throws, and what png_data_uri() throws for images.
std::string render_html(const ReportData& data);

}  // namespace expunge
