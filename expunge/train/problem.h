// A data set as training and evaluation see it.
//
// n: training examples; m: evaluation points (the training set S, then the validation set V).
#pragma once

#include <torch/types.h>

#include <string>

#include "expunge/core/device.h"
#include "expunge/data/dataset.h"
#include "expunge/data/normalisation.h"
#include "expunge/train/networks.h"
#include "expunge/train/trainer.h"

namespace expunge {

struct Problem {
  TrainingData training;  // n examples: the first n rows of `inputs`
  torch::Tensor inputs;   // (m, C, H, W) float32, normalised, channels last in memory
  torch::Tensor labels;   // (m) int64
  Normalisation normalisation;
  NetworkShape shape;
  Precision precision = Precision::float32;  // of training, where inputs are on a CUDA device
  std::string fingerprint;  // digest of inputs, labels, normalisation and all sizes; no names

  [[nodiscard]] int64_t n() const { return training.labels.size(0); }
  [[nodiscard]] int64_t m() const { return labels.size(0); }
  [[nodiscard]] torch::Device device() const { return inputs.device(); }
  /// The same with inputs on `device`, where its networks are then computed; labels stay on the CPU.
  [[nodiscard]] Problem on(torch::Device device, Precision precision) const;
};

/// Normalises both parts by the training part's channels, unless the data say otherwise. InputError if a part is
/// not sound or the two differ in image size or number of classes.
Problem make_problem(const DataSplit& data);

/// A problem whose inputs are used as they are: inputs (m, ...) float32 or float64 of any shape, of which
/// the first n are the training set, labels (m) int64 in [0, classes), both on the CPU. Images (m, C, H, W)
/// are held channels last. InputError for other shapes, dtypes and sizes, NonFiniteError for an input
/// that is not finite.
Problem make_problem(const torch::Tensor& inputs, const torch::Tensor& labels, int64_t n,
                     int64_t classes);

}  // namespace expunge
