// What a report says of the methods on one forget set: KLoM of each against the same oracles, and the margin
// distributions on a few points.
//
// Legend: N models of a method, No oracles, m evaluation points of which the first n are the training set.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "expunge/evaluate/group_summary.h"
#include "expunge/evaluate/klom.h"
#include "expunge/report/report_data.h"

namespace expunge {

/// A method's margins on one forget set, and what the table says of it.
struct ComparedMethod {
  MethodRow row;
  torch::Tensor margins;  // (N, m) float32, nats
  torch::Tensor klom;     // (m) float64, nats
};

/// Fills in klom and row.klom of a method whose margins are given, against oracles (No, m) float32. Throws
/// as klom() and summarise_klom() do.
ComparedMethod compare_with_oracles(MethodRow row, torch::Tensor margins,
                                    const torch::Tensor& oracles, int64_t n,
                                    const std::vector<int64_t>& forget, const KlomOptions& options,
                                    const ResamplingOptions& resampling);

/// The margin distributions on a typical point and the worst one of the forget set, of the retain set and of the
/// validation points, by KLoM of the first method; without methods that know the oracles. label_of and
/// image_of say what is shown of a point.
std::vector<MarginExample> margin_examples(const std::vector<ComparedMethod>& methods,
                                           const torch::Tensor& oracles, int64_t n,
                                           const std::vector<int64_t>& forget,
                                           const std::function<std::string(int64_t)>& label_of,
                                           const std::function<torch::Tensor(int64_t)>& image_of);

}  // namespace expunge
