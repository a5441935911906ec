// What the figures of an experiment are about: sweeps, trajectories, losses, attacks. Plain data,
// filled by whoever ran it; the report computes nothing but pictures and tables from it.
//
// The figures are those of Attribute-to-Delete (arXiv 2410.23232), and a comparison of KLoM with
// an attack, U-LiRA. All KLoM figures and losses are in nats. All texts are UTF-8 and may come from
// files: they are escaped where they are written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "expunge/report/report_data.h"

namespace expunge {

/// One cell of a sweep: a method with one choice of its options.
struct FrontierCell {
  std::string method;  ///< its name, short: it labels points in plots
  MethodRole role = MethodRole::baseline;
  std::string settings;   ///< "learning_rate 5e-3, epochs 5"; may be empty
  double cost_share = 0;  ///< work per request as a share of one training, >= 0
  double average = 0;     ///< mean of the three below
  double forget = 0;      ///< KLoM P95 over the forget set, nats; the next two alike
  double retain = 0;      ///< over the retain set
  double validation = 0;  ///< over the validation points
  bool best = false;      ///< the one cell of its method that is shown with the method's label
};

/// A method's KLoM against its cost on one forget set (Figures 1 and 3).
struct FrontierPanelSet {
  std::string forget_set;
  std::string description;  ///< how the set was chosen; may be empty
  std::vector<FrontierCell> cells;
  double floor = 0;  ///< KLoM P95 of oracles against other oracles, nats
};

/// How well one point is unlearned as the unlearner goes on (Figures 2 and 5).
struct TrajectoryPoint {
  int64_t point = 0;        ///< index into the evaluation points
  bool overshoots = false;  ///< its likelihood falls again after it had risen
  /// One a time: likelihood of the mean unlearned margin under the Gaussian of the oracles'
  /// margins, as a share of that Gaussian's peak, in [0, 1].
  std::vector<double> likelihood;
};

struct TrajectoryPanel {
  std::string heading;  ///< "SCRUB, forgotten examples"
  PointGroup group = PointGroup::forget;
  std::string x_label;       ///< what time is, with its unit: "epochs"
  std::vector<double> time;  ///< ascending, at least two; the first is the model before any step
  std::vector<TrajectoryPoint> points;  ///< those that are drawn
  int64_t counted_points = 0;           ///< all of the group, not only those drawn
  int64_t counted_overshoots = 0;       ///< of counted_points
};

/// Mean loss of one method's models as it goes on: that it moves the model at all.
struct LossCurve {
  std::string method;
  MethodRole role = MethodRole::baseline;
  std::string x_label;       ///< what time is, with its unit: "epochs"
  std::vector<double> time;  ///< ascending, at least two; the first is the full model
  std::vector<double> forget_loss, retain_loss, validation_loss;  ///< one a time, nats, >= 0
};

/// One method on one forget set: KLoM beside the success of an attack on it (U-LiRA).
struct AgreementPoint {
  std::string method;
  MethodRole role = MethodRole::baseline;
  std::string forget_set;
  double klom = 0;               ///< mean over the forget points, nats
  double attack_accuracy = 0.5;  ///< share of right guesses; 0.5 is guessing
  double low = 0.5, high = 0.5;  ///< its 95% interval
};

/// What an attack finds at each rate of false alarms.
struct RocCurve {
  std::string method;
  MethodRole role = MethodRole::baseline;
  std::vector<double> false_positive;  ///< shares in [0, 1], never falling, at least two
  std::vector<double> true_positive;   ///< as many, never falling
};

/// Each throws NonFiniteError for NaN and infinity, and InputError for what cannot be: nothing to
/// draw, lengths that differ, a negative cost, floor or loss, a share outside [0, 1], an interval
/// that does not hold its value, times that do not ascend, a method without a best cell, with two
/// of them, or with two roles. A KLoM below 0 is let through: the floored, not renormalised
/// histograms allow it. The message names the figure, the method or point, and the field.
void check(const FrontierPanelSet& set);
void check(const TrajectoryPanel& panel);
void check(const LossCurve& curve);
void check(const std::vector<AgreementPoint>& points);
void check(const std::vector<RocCurve>& curves);

}  // namespace expunge
