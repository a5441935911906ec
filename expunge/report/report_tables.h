// The report's numbers as tables: what the terminal, the documents and the page all print.
#pragma once

#include "expunge/report/report_data.h"
#include "expunge/report/text_table.h"

namespace expunge {

/// To be read: one row a method; KLoM P95 with its interval on forget, retain and validation, the
/// three means, the cost as percent of one training.
TextTable method_table(const ForgetSetSection& section);

/// To be computed with: one row for each forget set, method and group, all digits; columns
/// forget_set, method, role, group, p95, p95_low, p95_high, mean (nats), cost_share (of one
/// training, empty if not counted), floor_p95 (nats).
TextTable score_records(const ReportData& data);

/// "nothing", "prediction", ...: the name of the enumerator.
std::string role_name(MethodRole role);

}  // namespace expunge
