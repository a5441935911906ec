// Measuring an experiment: KLoM of every method on every forget set, as a report.
#pragma once

#include "expunge/pipeline/experiment.h"
#include "expunge/report/report_data.h"

namespace expunge {

/// Compares, for each forget set, with the judging half of its oracles:
///   do nothing       the full models
///   dm-direct        the full models' logits plus the predicted shift
///   DMM              full models brought to these predictions
///   oracle matching  full models brought to the other half of the oracles
///   retraining       the other half of the oracles: the floor
/// and writes OUT/klom-<set>-<method>.npy, (m) float64. InputError names the command to run first
/// if a stage is missing. `command` is what the report says reproduces it.
ReportData evaluate(const Experiment& experiment, const std::string& command);

/// "fashion-mnist: 2000 training and 1000 validation examples".
std::string data_line(const Experiment& experiment);
/// What a reader of the experiment's KLoM figures must know first; none where there are models enough.
std::vector<std::string> stability_warnings(const Experiment& experiment);

/// Writes OUT/table.csv, table.json and report.html.
void write_results(const Experiment& experiment, const ReportData& data);

/// The tables of all forget sets as JSON: what --json prints.
std::string results_json(const ReportData& data);

}  // namespace expunge
