// Stores of the datamodels package (github.com/MadryLab/datamodels; Ilyas et al., arXiv 2202.00622),
// both ways.
//
//   masks.npy       (N, n) bool
//   margins.npy     (N, m) or logits.npy (N, m, C): whatever float arrays their users declare
//   _completed.npy  (N) bool: rows that are false were never written
//   workers/, cmds.txt                        passed over
//
// The released data (github.com/MadryLab/datamodels-data) are such arrays under other names, and apart for
// training and test points: train_masks_50pct.npy, train_logits_50pct.npy, test_logits_50pct.npy. Here the
// training points come first; what is given apart is joined.
//
// Their margins are not ours everywhere: their CIFAR example takes z_y minus the largest other logit,
// where margins() takes the logsumexp of the others. A file of margins does not say which.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace expunge {

struct DatamodelsSource {
  std::filesystem::path masks;
  std::vector<std::filesystem::path> outputs;  // joined along the points, the training points first
  std::filesystem::path completed;             // empty: all rows count
};

/// The arrays of a store's folder: logits.npy, else margins.npy. InputError if it has no masks.npy or
/// neither of these.
DatamodelsSource datamodels_source(const std::filesystem::path& folder);

/// What an import has found.
struct DatamodelsFound {
  int64_t rows = 0;     // of the arrays
  int64_t models = 0;   // of them completed
  int64_t n = 0;        // training examples
  int64_t m = 0;        // points
  int64_t classes = 0;  // 0: margins
  std::string dtype;
  double alpha = 0;             // mean of all masks
  int64_t never_left_out = 0;   // examples that every model saw
  int64_t always_left_out = 0;  // examples that no model saw
  double lowest = 0;            // output
  double highest = 0;
};

/// Makes `folder` a store of the completed rows (train/ensemble_store.h) that EnsembleStore::open reads,
/// without reading more than a row at a time. Margins become logits of one class, and margins.npy
/// (N, m) float32 beside them. float64 becomes float32. InputError for arrays that do not fit together,
/// no completed row, and a folder that holds a store; NonFiniteError names the row and point.
DatamodelsFound import_datamodels(const DatamodelsSource& source,
                                  const std::filesystem::path& folder);

/// Writes masks (N, n) bool and logits (N, m, C) as such a store: masks.npy, _completed.npy, logits.npy
/// and, where labels (m) int64 are given, margins.npy (N, m), nats, in the logits' dtype; spec.json as
/// their package declares the arrays. InputError for arrays that do not fit.
void export_datamodels(const torch::Tensor& masks, const torch::Tensor& logits,
                       const torch::Tensor& labels, const std::filesystem::path& folder);

}  // namespace expunge
