// EasyDUB's tree (github.com/easydub/EasyDUB-code, its data set easydub/EasyDUB-dataset; arXiv
// 2602.16400), both ways: margins and logits of models trained on everything (pretrain) and of oracles.
//
//   <kind>/<dataset>/pretrain/retain/<network>/id_X_epoch_E.npy             all n training points
//   <kind>/<dataset>/pretrain/val/<network>/...                             all validation points
//   <kind>/<dataset>/pretrain/forget_Z/<network>/...                        those of forget set Z
//   <kind>/<dataset>/oracle/forget_Z/{retain,forget,val}/<network>/...      S \ F, F, validation
//   forget_sets/<dataset>/forget_set_Z.npy                                  indices into S
//
// <kind> is margins, files of (points), or logits, (points, C); X numbers the models. The n points of
// pretrain/retain and those of oracle/*/retain are in increasing order of index, those of a forget set in
// the order of its file. In what is imported all points are S then V.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>

#include "expunge/core/options.h"

namespace expunge {

struct EasydubOptions {
  std::string dataset = "cifar10";
  std::string network = "resnet9";
  int64_t epoch = 23;      // in the files' names: the last one, counted from 0
  int64_t forget_set = 1;  // Z

  void validate() const;
};
OptionGroup options_of(EasydubOptions& options);

/// What an import has found.
struct EasydubFound {
  int64_t pretrain_models = 0;
  int64_t oracle_models = 0;
  int64_t n = 0;
  int64_t validation = 0;
  int64_t classes = 0;  // 0: margins
  int64_t forget = 0;   // |F|
  /// Largest difference between pretrain/forget_Z and the same points of pretrain/retain, over models, as
  /// each is computed in batches of its own; NaN where the tree has no pretrain/forget_Z.
  double largest_difference = 0;
};

/// Writes into `folder` full.npy (N, m) and oracle.npy (N, m), float32, nats, and forget.txt. Every model
/// must be there in all parts. InputError names the file that is missing, or whose size does not fit;
/// NonFiniteError.
EasydubFound import_easydub_margins(const std::filesystem::path& tree,
                                    const std::filesystem::path& folder,
                                    const EasydubOptions& options);

/// The same of logits: stores full/ and oracle-forget_Z/ (train/ensemble_store.h), and forget.txt.
EasydubFound import_easydub_logits(const std::filesystem::path& tree,
                                   const std::filesystem::path& folder,
                                   const EasydubOptions& options);

/// Writes models' logits (N, m, C), their margins, and F into a tree, for EasyDUB's code to read. F is what
/// the oracles' mask (n) bool leaves out, in increasing order; labels (m) int64. Files that are there are
/// replaced. InputError for arrays that do not fit.
void export_easydub(const torch::Tensor& full_logits, const torch::Tensor& oracle_logits,
                    const torch::Tensor& oracle_mask, const torch::Tensor& labels,
                    const std::filesystem::path& tree, const EasydubOptions& options);

}  // namespace expunge
