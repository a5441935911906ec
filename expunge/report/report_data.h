// What a report is about. Plain data, filled by whoever ran the experiment; the report computes
// nothing but words, tables and pictures from it.
//
// All KLoM figures are in nats. All texts are UTF-8 and may come from files: they are escaped
// where they are written.
#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "expunge/evaluate/group_summary.h"
#include "expunge/evaluate/klom_forecast.h"

namespace expunge {

/// What a method is, which decides its colour and shape, and which rows the words compare.
enum class MethodRole {
  nothing,     ///< the full model, unchanged
  prediction,  ///< predicted logits (dm-direct): no model comes out
  unlearner,   ///< changes a model knowing only what a user would have; the first one of a forget
               ///< set is the one that the headline is about
  baseline,    ///< another unlearner, for comparison
  reference,   ///< knows the oracles (oracle matching): a bound, not a method
  floor,       ///< retraining: oracles against other oracles
};

struct MethodRow {
  std::string method;  ///< its name, short: it labels points in plots
  std::string note;    ///< a few words of what it is; may be empty
  MethodRole role = MethodRole::unlearner;
  /// Against the oracles that judge. A group without points is shown as a dash; an interval that is
  /// NaN at both ends was not asked for and is left out.
  KlomSummary klom;
  /// Work per request and model, as a share of the sample gradients of one training; 0 = nothing,
  /// 1 = retraining, none = not counted (the method is then left out of the cost plots).
  std::optional<double> cost_share;
};

enum class PointGroup { forget, retain, validation };

/// The margins of one method's models on one point.
struct MarginSeries {
  std::string method;
  MethodRole role = MethodRole::unlearner;
  std::vector<float> margins;  ///< (models), nats
  std::optional<double> klom;  ///< of these margins against the oracles', nats
};

/// The margin distributions on one point (Figure 4 of Attribute-to-Delete, arXiv 2410.23232).
struct MarginExample {
  int64_t point = 0;  ///< index into the evaluation points: training set, then validation set
  PointGroup group = PointGroup::forget;
  std::string label;    ///< name of its true class
  torch::Tensor image;  ///< (1 or 3, H, W) uint8, or floating in [0, 1]; undefined: none shown
  std::vector<float> oracle;         ///< (oracles), nats, at least one
  std::vector<MarginSeries> series;  ///< full model first
};

struct ForgottenImage {
  int64_t index = 0;    ///< into the training set
  std::string label;    ///< name of its class
  torch::Tensor image;  ///< as MarginExample::image, but always there
};

struct ForgetSetSection {
  std::string name;
  std::string description;                ///< how it was chosen; may be empty
  std::vector<int64_t> indices;           ///< into the training set
  std::vector<MethodRow> rows;            ///< in the order of the table
  double floor_p95 = 0;                   ///< P95 over all points, oracles against other oracles
  std::vector<ForgottenImage> forgotten;  ///< those to show: all, or the first few
  std::vector<MarginExample> examples;
};

struct NamedValue {
  std::string name, value;
};

struct SettingsGroup {
  std::string heading;
  std::vector<NamedValue> values;
};

/// What has to be paid once, before the first request.
struct UpFrontCost {
  int64_t models = 0;    ///< models in the subset ensemble
  double trainings = 0;  ///< their cost in trainings of the full model (models * alpha)
};

/// How the ridge penalty was chosen.
struct PenaltyCurve {
  std::vector<double> lambda;  ///< > 0, ascending
  /// Squared error on held-out subset models as a share of that of predicting no effect at all.
  std::vector<double> error;
  double chosen = 0;  ///< one of lambda
};

/// One method on one forget set. Arrays by group: forget, retain, validation. KLoM P95 in nats.
struct ForecastRow {
  std::string forget_set, method;
  int64_t size = 0;             ///< examples to forget
  ForecastInterval multiplier;  ///< NaN where there is none
  std::array<ForecastInterval, 3> forecast;
  std::array<std::optional<double>, 3> measured;  ///< none before there are oracles
  std::vector<std::string> warnings;
};

/// Forecasts of KLoM that took no oracle (evaluate/klom_forecast.h).
struct ForecastSection {
  int64_t subset_models = 0, full_models = 0, oracles = 0;
  std::vector<ForecastRow> rows;
};

struct ReportData {
  std::string title;
  std::string subtitle;  ///< data set, network and sizes in a line; may be empty
  std::vector<ForgetSetSection> forget_sets;
  int64_t models_a_side = 0;             ///< N: models on each side of every KLoM
  std::string convention = "corrected";  ///< of KLoM: corrected or easydub
  std::optional<UpFrontCost> up_front;
  std::optional<PenaltyCurve> penalty;
  std::optional<ForecastSection> forecast;  ///< where one was made
  std::vector<SettingsGroup> settings;      ///< recipe, seeds, data set, sizes, versions, machine
  std::string command;                      ///< reproduces all of it; may be empty
  std::vector<std::string> warnings;        ///< shown above everything else
};

/// Requests after which the up-front cost is less than retraining would have cost: the smallest
/// whole number k with trainings + k cost_share <= k. None if cost_share >= 1.
std::optional<int64_t> requests_until_paid(double trainings, double cost_share);

/// The first row with this role, or null.
const MethodRow* find_row(const ForgetSetSection& section, MethodRole role);

const GroupStatistic& score_of(const MethodRow& row, PointGroup group);
/// True unless the interval was not asked for.
bool has_interval(const GroupStatistic& score);
/// "forget", "retain", "validation".
std::string group_name(PointGroup group);

/// Throws NonFiniteError for NaN or infinity; InputError for a negative cost or floor, an interval
/// upside down, forget sets without rows, lambdas that do not fit, an example without oracles. The
/// message names forget set, method and field. A KLoM below 0 is let through: the floored, not
/// renormalised histograms allow it.
void check(const ReportData& data);

}  // namespace expunge
