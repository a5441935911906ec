// What subset models and full models say of a forget set before anyone unlearns it or retrains.
// klom_forecast.h has the whole method; here are its estimates, each from one selection of the models.
//
// Legend: N subset models with masks (N, n), Nf full models, m evaluation points of which the first n
// are the training set S, C classes, F the forget set; alpha the mean of the masks. "Unseen": a point
// that a model was not trained on. All margins in nats.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "expunge/evaluate/class_effects.h"

namespace expunge {

/// The models that a forecast is made from. All tensors contiguous.
struct ForecastModels {
  torch::Tensor masks;    // (N, n) bool
  torch::Tensor margins;  // (N, m) float32, of the subset models
  /// (N, m) float32: the margin of each point that the model was not trained on, as datamodels predict it
  /// that were fitted without the model's fold; NaN for none. Not read where the model saw the point.
  torch::Tensor held_out;
  torch::Tensor full_margins;  // (Nf, m) float32
  torch::Tensor labels;        // (m) int64, from 0
  /// Models [N k / folds, N (k + 1) / folds) were held out together.
  int64_t folds = 5;
};

/// How many models will be measured.
struct ForecastCounts {
  int64_t unlearned = 0, oracles = 0;
};

/// Examples that were removed before F and are no longer among those that the models are told of, where
/// requests come one after the other. What is forecast is then the removal of all of them: n counts them,
/// and so does |F|, where more data, mixed effects or the shares of what models went without are told.
struct EarlierRemovals {
  int64_t examples = 0;
  /// (C) each, or empty for 0: ForecastParameters::validation_coupling and retain_coupling of the last of them.
  std::vector<double> validation_coupling = {}, retain_coupling = {};
};

/// A forget set, and what the unlearned models' margins are predicted to be.
struct ForecastCase {
  std::vector<int64_t> forget;  // indices into S
  torch::Tensor predicted;      // (Nf, m) float32: the full models' margins after their shift
  /// None, or (|F|) float32 in the order of `forget`: what the other examples of F do to each one's mean
  /// margin, nats.
  torch::Tensor mutual = {};
  bool mutual_predicted = false;  // `predicted` holds these effects
  /// None, or (Nf, m) float32: margins of the full models after they were unlearned to the prediction, which
  /// are then judged in its place.
  torch::Tensor unlearned = {};
  /// `predicted` and `unlearned` are without these, too.
  EarlierRemovals before = {};
};

/// The error of a prediction on one forget set, as the models tell it. On F in units of the predicted
/// margins' standard deviation over models, elsewhere of the full models'.
struct ForecastParameters {
  double multiplier = 0;  // of the shift on F, with which its mean margin would be right
  double bias = 0;        // predicted mean margin minus retrained one, mean over F
  double coupling = 0;    // of this, what F's examples do to each other by their classes
  /// Mean square error of the effects of F's examples on themselves: as it is measured on these examples, which is
  /// noisy where they are few, and as examples of all S with effects of their sizes have it.
  double own_error = 0, own_error_of_size = 0;
  double spread = 0;       // retrained models' standard deviation on F as a share of the predicted
  double mixed = 0;        // variance over unseen points of what F's examples do each by itself
  double mixed_share = 0;  // |F| / (n alpha (1 - alpha)): `mixed` as a share of excess_variance()
  /// (C) each, by the point's class: what F's removal does beyond the prediction, and of this what
  /// follows from the classes of F.
  std::vector<double> validation, retain, validation_coupling, retain_coupling;

  /// this + scale (other - this), every number.
  [[nodiscard]] ForecastParameters extrapolated(const ForecastParameters& other,
                                                double scale) const;
};

class ForecastEvidence {
 public:
  /// From the subset models `rows` and the full models `full_rows`, both increasing and of at least 3.
  /// `models` must outlive it and be what forecast_klom() has checked.
  ForecastEvidence(const ForecastModels& models, std::vector<int64_t> rows,
                   std::vector<int64_t> full_rows);

  [[nodiscard]] ForecastParameters parameters(const ForecastCase& set) const;
  /// (m): how much the subset models' variance exceeds the full models', as a share of it; of validation
  /// points, and of training examples over the models that saw them. At least 0; shrunk to the mean of the
  /// group (class_effects.h), as the ratio of two sample variances is noisy.
  [[nodiscard]] const std::vector<double>& excess_variance() const { return excess_; }

 private:
  struct Moments {
    std::vector<double> mean, deviation;
  };
  // Straight lines between means over runs of points; constant outside of them.
  struct Curve {
    std::vector<double> at, value;
    [[nodiscard]] double operator()(double where) const;
  };
  void read_margins();
  void measure_excess(int64_t begin, int64_t end, const Moments& subset);
  void measure_curve();
  void measure_class_effects();
  void measure_own_errors();
  [[nodiscard]] double own_effect(int64_t j) const;
  [[nodiscard]] double unseen_unit(int64_t j) const;
  [[nodiscard]] double class_share(size_t label) const;  // of S

  const ForecastModels& models_;
  std::vector<int64_t> rows_, full_rows_;
  int64_t n_, m_, classes_;
  double alpha_ = 0;
  std::vector<int64_t> class_sizes_;    // of S
  Moments full_, unseen_, seen_;        // (m): of S where left out, V; (n): of S where kept
  std::vector<int64_t> unseen_models_;  // (n) how many left the example out
  double unseen_spread_ = 1;            // median of subset over full deviations on V
  std::vector<double> excess_;          // (m)
  Curve further_data_;  // what going from alpha to 1 does to unseen points, by margin
  std::vector<ClassEffects> effects_;  // on unseen points, on seen ones
  Curve own_error_;  // mean square error of effects on oneself, by their size, both in deviations
  std::vector<double> own_products_, own_pairs_;  // (n) what this is a quotient of
};

}  // namespace expunge
