// Scores of the trak package (github.com/MadryLab/trak, "traker"; Park et al., arXiv 2303.14186), both ways.
//
//   <save_dir>/scores/<experiment>.mmap   (n, targets) float16 or float32, an npy file in spite of its name
//   <save_dir>/experiments.json           {"<experiment>": {"num_targets", "scores_path", ...}}
//   <save_dir>/metadata.json              "train set size" and what the projections are
//
// Their sign is ours: positive where training on the example raises the target's output. Their scale is
// arbitrary, and need not be that of another experiment.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>

namespace expunge {

struct TrakFound {
  int64_t n = 0;              // training examples
  int64_t targets = 0;        // points
  std::string dtype;          // of the file
  int64_t empty_targets = 0;  // all of whose scores are 0: not scored
};

/// An experiment's scores as (n, targets) float32 into the npy file `out`. `source`: the save_dir, of
/// which `experiment` names one of the scores, or the file itself. InputError if the file is not what
/// experiments.json and metadata.json say, and where no target was scored; NonFiniteError names example
/// and target.
TrakFound import_trak_scores(const std::filesystem::path& source, const std::string& experiment,
                             const std::filesystem::path& out);

/// Writes scores (n, targets) float32 as an experiment of a save_dir, beside those that are there.
/// metadata.json, which is about projections, is left to whoever makes some. InputError for another shape
/// or dtype, an experiment of that name that is there, and an experiments.json that is not sound.
void export_trak_scores(const torch::Tensor& scores, const std::filesystem::path& save_dir,
                        const std::string& experiment);

}  // namespace expunge
