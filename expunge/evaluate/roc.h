// The receiver operating characteristic (ROC): what a threshold on a score finds, and its cost.
//
// At threshold t every decision whose score is at least t is called positive. With weights, the
// true-positive rate is the weight of the positives called so, divided by the weight of all
// positives; the false-positive rate is the same of the negatives. Decisions of equal score are
// called together, so that the curve has one point for each distinct score, and a straight line
// joins neighbours: what a coin does that decides about ties. The area under these lines (AUC) is
// the probability that a positive scores above a negative, with 1/2 for a tie: Mann and Whitney's U
// divided by the number of pairs (Hanley and McNeil, Radiology 143, 1982).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace expunge {

struct RocPoint {
  double false_positive_rate;
  double true_positive_rate;
};

struct ScoredDecision {
  double score;
  double weight;  // above 0
  bool is_positive;
};

/// The whole curve from (0, 0) to (1, 1), neither rate ever falling. Throws InputError unless there
/// are positives and negatives and every weight is above 0, NonFiniteError for a NaN or infinite
/// score or weight.
std::vector<RocPoint> roc_curve(std::vector<ScoredDecision> decisions);

/// Area under the curve, 0 to 1. curve: as roc_curve() returns it.
double area_under(std::span<const RocPoint> curve);

/// The greatest true-positive rate of a threshold whose false-positive rate is at most the one
/// given; not interpolated. curve: as roc_curve() returns it.
double true_positive_rate_at(std::span<const RocPoint> curve, double false_positive_rate);

/// At most `most` points of the curve, for a plot: both ends, the highest point at false-positive
/// rate 0, and for false-positive rates spaced evenly on a logarithmic scale (three in four) and on
/// a linear one the last point at or below each. Throws Error if `most` is below 3.
std::vector<RocPoint> thinned_roc(std::span<const RocPoint> curve, int64_t most);

}  // namespace expunge
