// Which examples to forget: drawn, by class, by nearness, or by the extremes of a score.
//
// n: training examples; k: examples to forget. All results hold no index twice, depend on nothing
// but the arguments, and are the same on every platform (for nearness: up to rounding of
// distances).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace expunge {

/// k examples uniformly at random, in the order in which they were drawn: with the same seed a
/// shorter draw is the beginning of a longer one. OptionError unless 1 <= k < n.
std::vector<int64_t> random_examples(int64_t n, int64_t k, uint64_t seed);

/// All examples of a class, in increasing order. labels (n) int64. OptionError if the class has no
/// example, or all of them.
std::vector<int64_t> class_examples(const torch::Tensor& labels, int64_t label);

/// k examples of a class uniformly at random, in the order in which they were drawn, as above.
/// OptionError also if the class has fewer than k.
std::vector<int64_t> class_examples(const torch::Tensor& labels, int64_t label, int64_t k,
                                    uint64_t seed);

/// The same of a subpopulation. groups (n) int64, as in Dataset. OptionError as above.
std::vector<int64_t> subpopulation_examples(const torch::Tensor& groups, int64_t group);
std::vector<int64_t> subpopulation_examples(const torch::Tensor& groups, int64_t group, int64_t k,
                                            uint64_t seed);

/// Number of examples that a share of `members` stands for: rounded, at least 1. OptionError
/// unless the share is above 0 and at most 1.
int64_t count_of_share(double share, int64_t members);

/// The class that `text` names: its number, or its name where the names are known (a name that is
/// itself a number wins). OptionError gives the range, or the nearest name.
int64_t class_label(const std::string& text, int64_t classes,
                    const std::vector<std::string>& class_names);

/// The subpopulation that `text` names: its name or its number. OptionError if there are no names, or gives the range
/// or the nearest name.
int64_t subpopulation_index(const std::string& text, const std::vector<std::string>& group_names);

enum class Distance { cosine, euclidean };

/// The example itself, then its k - 1 nearest others by increasing distance; ties by index.
/// embeddings (n, d) float16, float32 or float64, may be mapped; distances in float64: cosine
/// 1 - x'y / (|x| |y|), or Euclidean |x - y|. OptionError unless 1 <= k < n and 0 <= example < n;
/// InputError for another shape or dtype, and, with cosine, for an embedding of length 0;
/// NonFiniteError names the first example whose embedding is not finite. `workers` as in
/// worker_count(); the result does not depend on it.
std::vector<int64_t> nearest_examples(const torch::Tensor& embeddings, int64_t example, int64_t k,
                                      Distance distance, int64_t workers = 0);

/// Which end of the scores is taken.
enum class ScoreEnd { top, bottom, both };

/// The k examples with the largest scores, largest first; with the smallest ones, smallest first;
/// or the (k + 1) / 2 largest and then the k / 2 smallest ones. Ties by index. scores (n) float64,
/// finite. OptionError unless 1 <= k < n.
std::vector<int64_t> extreme_examples(const torch::Tensor& scores, int64_t k, ScoreEnd end);

}  // namespace expunge
