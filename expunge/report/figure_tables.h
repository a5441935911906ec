// The figures' numbers as tables: CSV to be computed with, and a small table to be read.
#pragma once

#include <string>
#include <vector>

#include "expunge/report/figure_data.h"
#include "expunge/report/text_table.h"

namespace expunge {

/// To be read: the best cell of each method, with its cost, KLoM P95 and settings.
TextTable frontier_table(const FrontierPanelSet& set);

/// CSV (RFC 4180, LF line ends, all digits, a header line); throw what check() throws.
///
/// forget_set, method, role, settings, cost_share, average, forget, retain, validation (KLoM P95,
/// nats), best (0 or 1), floor (nats): a line a cell.
std::string frontier_csv(const std::vector<FrontierPanelSet>& sets);
/// panel, group, point, overshoots (0 or 1), time, likelihood: a line a point and time.
std::string trajectory_csv(const std::vector<TrajectoryPanel>& panels);
/// method, role, time, forget_loss, retain_loss, validation_loss (nats): a line a time.
std::string loss_csv(const std::vector<LossCurve>& curves);
/// method, role, forget_set, klom (nats), attack_accuracy, low, high: a line a point.
std::string agreement_csv(const std::vector<AgreementPoint>& points);
/// method, role, false_positive, true_positive: a line a point of a curve.
std::string roc_csv(const std::vector<RocCurve>& curves);

}  // namespace expunge
