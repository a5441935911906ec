// Settings of the attributors by gradients.
#pragma once

#include <cstdint>

#include "expunge/core/options.h"

namespace expunge {

struct TrakOptions {
  int64_t models = 10;        // trained on all of S; as many as there are, if fewer
  int64_t dimensions = 2048;  // that gradients are projected to
  double damp = 0.01;  // added to the projected gradients' second moment, as a share of its mean
  int64_t seed = 0;    // of the projections

  /// Throws OptionError.
  void validate() const;
};
/// Names with the prefix trak_.
OptionGroup options_of(TrakOptions& options);

/// Labels that the Fisher matrix is the expectation over:
///   drawn  one for each training example, from the model's probabilities
///   all    every class, by its probability: exact, at one backward pass a class. Of networks that are sure
///          of their training set a draw says little: scores of two draws agree to a rank correlation of 0.5
enum class FisherLabels { drawn, all };

struct EkfacOptions {
  int64_t models = 10;  // trained on all of S; as many as there are, if fewer
  double damp =
      0.1;  // added to each layer's curvature, as a share of its mean (Grosse et al., 2.2)
  FisherLabels labels = FisherLabels::all;
  int64_t seed = 0;  // of drawn labels

  /// Throws OptionError.
  void validate() const;
};
/// Names with the prefix ekfac_.
OptionGroup options_of(EkfacOptions& options);

}  // namespace expunge
