#include "expunge/data/forget_selection.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "expunge/core/error.h"
#include "expunge/core/options.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

void require_count(int64_t k, int64_t n) {
  if (k >= 1 && k < n) return;
  fail<OptionError>(
      "option count: a whole number from 1 to {} required (there are {} training examples, one of "
      "which must be retained), got {}",
      n - 1, n, k);
}

// Examples with a label, of a class or of a subpopulation: the option that names it, and its stream.
struct Part {
  const torch::Tensor& labels;
  int64_t label;
  const char* option;
  const char* role;

  [[nodiscard]] std::vector<int64_t> members() const;
  [[nodiscard]] std::vector<int64_t> all() const;
  [[nodiscard]] std::vector<int64_t> drawn(int64_t k, uint64_t seed) const;
};

Part class_part(const torch::Tensor& labels, int64_t label) {
  return {labels, label, "class", "forget of class"};
}

Part subpopulation_part(const torch::Tensor& groups, int64_t group) {
  return {groups, group, "subpopulation", "forget of subpopulation"};
}

std::vector<int64_t> Part::members() const {
  if (labels.dim() != 1 || labels.scalar_type() != torch::kInt64) {
    fail<InputError>("labels: (n) of int64 required, got ({}) of {}",
                     fmt::join(labels.sizes(), ", "), toString(labels.scalar_type()));
  }
  const auto row = labels.contiguous();
  const auto* values = row.data_ptr<int64_t>();
  std::vector<int64_t> members;
  for (int64_t i = 0; i < row.size(0); ++i) {
    if (values[i] == label) members.push_back(i);
  }
  if (members.empty())
    fail<OptionError>("option {0}: {0} {1} has no training example", option, label);
  return members;
}

std::vector<int64_t> Part::all() const {
  auto found = members();
  if (std::ssize(found) == labels.size(0)) {
    fail<OptionError>(
        "option {0}: all {1} training examples are of {0} {2}; at least one must be retained",
        option, found.size(), label);
  }
  return found;
}

std::vector<int64_t> Part::drawn(int64_t k, uint64_t seed) const {
  const auto found = members();
  const auto size = std::ssize(found);
  const int64_t most = std::min(size, labels.size(0) - 1);
  if (k < 1 || k > most) {
    fail<OptionError>(
        "option count: a whole number from 1 to {} required ({} {} has {} of the {} training "
        "examples), got {}",
        most, option, label, size, labels.size(0), k);
  }
  CounterRng rng(derive_seed(seed, role, static_cast<uint64_t>(label)));
  const auto order = rng.permutation(size);
  std::vector<int64_t> result;
  for (int64_t i = 0; i < k; ++i)
    result.push_back(found[static_cast<size_t>(order[static_cast<size_t>(i)])]);
  return result;
}

// The one of 0 ... count - 1 that `text` names, by name or by number.
int64_t named_index(const std::string& text, int64_t count, const std::vector<std::string>& names,
                    const char* option, const char* plural) {
  const auto named = std::find(names.begin(), names.end(), text);
  if (named != names.end()) return named - names.begin();
  int64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  if (is_number && index >= 0 && index < count) return index;
  if (is_number || names.empty()) {
    fail<OptionError>("option {0}: a {0} from 0 to {1} required{2}, got \"{3}\"", option, count - 1,
                      is_number ? "" : fmt::format(" (no names of {} are known)", plural), text);
  }
  fail<OptionError>("option {0}: unknown {0} \"{1}\"; did you mean \"{2}\"?", option, text,
                    nearest_name(text, names));
}

// The k first of 0 ... scores.size() - 1 by increasing score, ties by index.
std::vector<int64_t> smallest(const std::vector<double>& scores, int64_t k) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](int64_t a, int64_t b) {
    const double x = scores[static_cast<size_t>(a)];
    const double y = scores[static_cast<size_t>(b)];
    return x != y ? x < y : a < b;
  });
  order.resize(static_cast<size_t>(k));
  return order;
}

// Distances of every embedding to x (d) float64.
class Distances {
 public:
  Distances(const torch::Tensor& embeddings, torch::Tensor x, Distance distance)
      : embeddings_(embeddings), x_(std::move(x)), distance_(distance) {}

  [[nodiscard]] std::vector<double> all(int64_t workers) const {
    const int64_t n = embeddings_.size(0);
    std::vector<double> out(static_cast<size_t>(n));
    const int64_t block = std::max<int64_t>(1, (1 << 20) / std::max<int64_t>(1, x_.size(0)));
    parallel_blocks(n, block, workers, [&](int64_t begin, int64_t end) {
      const auto rows = embeddings_.slice(0, begin, end).to(torch::kFloat64);
      check(rows, begin);
      const auto d = distance_ == Distance::cosine
                         ? 1 - (rows * x_).sum(1) / (lengths(rows) * lengths(x_.unsqueeze(0)))
                         : lengths(rows - x_);
      const auto values = d.contiguous();
      std::copy_n(values.data_ptr<double>(), end - begin, out.begin() + begin);
    });
    return out;
  }

 private:
  static torch::Tensor lengths(const torch::Tensor& rows) { return rows.square().sum(1).sqrt(); }

  void check(const torch::Tensor& rows, int64_t begin) const {
    const auto finite = torch::isfinite(rows).all(1);
    if (!finite.all().item<bool>()) {
      fail<NonFiniteError>("embeddings: finite values required, got NaN or infinity at example {}",
                           begin + torch::logical_not(finite).nonzero()[0][0].item<int64_t>());
    }
    if (distance_ != Distance::cosine) return;
    const auto zero = lengths(rows) == 0;
    if (zero.any().item<bool>()) {
      fail<InputError>("embeddings: a length above 0 required for the cosine, got 0 at example {}",
                       begin + zero.nonzero()[0][0].item<int64_t>());
    }
  }

  const torch::Tensor& embeddings_;
  torch::Tensor x_;
  Distance distance_;
};

}  // namespace

std::vector<int64_t> random_examples(int64_t n, int64_t k, uint64_t seed) {
  require_count(k, n);
  CounterRng rng(derive_seed(seed, "forget at random", 0));
  auto drawn = rng.permutation(n);
  drawn.resize(static_cast<size_t>(k));
  return drawn;
}

std::vector<int64_t> class_examples(const torch::Tensor& labels, int64_t label) {
  return class_part(labels, label).all();
}

std::vector<int64_t> class_examples(const torch::Tensor& labels, int64_t label, int64_t k,
                                    uint64_t seed) {
  return class_part(labels, label).drawn(k, seed);
}

std::vector<int64_t> subpopulation_examples(const torch::Tensor& groups, int64_t group) {
  return subpopulation_part(groups, group).all();
}

std::vector<int64_t> subpopulation_examples(const torch::Tensor& groups, int64_t group, int64_t k,
                                            uint64_t seed) {
  return subpopulation_part(groups, group).drawn(k, seed);
}

int64_t count_of_share(double share, int64_t members) {
  if (!(share > 0 && share <= 1))
    fail<OptionError>("option share: a number above 0 and at most 1 required, got {}", share);
  return std::max<int64_t>(1, std::llround(share * static_cast<double>(members)));
}

int64_t class_label(const std::string& text, int64_t classes,
                    const std::vector<std::string>& class_names) {
  return named_index(text, classes, class_names, "class", "classes");
}

int64_t subpopulation_index(const std::string& text, const std::vector<std::string>& group_names) {
  if (group_names.empty()) {
    fail<OptionError>(
        "option subpopulation: data with subpopulations required (format \"living17\"), got none");
  }
  return named_index(text, std::ssize(group_names), group_names, "subpopulation", "subpopulations");
}

std::vector<int64_t> nearest_examples(const torch::Tensor& embeddings, int64_t example, int64_t k,
                                      Distance distance, int64_t workers) {
  const auto dtype = embeddings.scalar_type();
  const bool is_table =
      embeddings.dim() == 2 && embeddings.size(1) > 0 &&
      (dtype == torch::kFloat16 || dtype == torch::kFloat32 || dtype == torch::kFloat64);
  if (!is_table) {
    fail<InputError>("embeddings: (n, d) of float16, float32 or float64 required, got ({}) of {}",
                     fmt::join(embeddings.sizes(), ", "), toString(dtype));
  }
  const int64_t n = embeddings.size(0);
  require_count(k, n);
  if (example < 0 || example >= n) {
    fail<OptionError>("option example: an index from 0 to {} required, got {}", n - 1, example);
  }
  auto distances =
      Distances(embeddings, embeddings[example].to(torch::kFloat64), distance).all(workers);
  distances[static_cast<size_t>(example)] = -1;  // before its copies
  return smallest(distances, k);
}

std::vector<int64_t> extreme_examples(const torch::Tensor& scores, int64_t k, ScoreEnd end) {
  if (scores.dim() != 1 || scores.scalar_type() != torch::kFloat64) {
    fail<InputError>("scores: (n) of float64 required, got ({}) of {}",
                     fmt::join(scores.sizes(), ", "), toString(scores.scalar_type()));
  }
  require_count(k, scores.size(0));
  if (!torch::isfinite(scores).all().item<bool>())
    fail<NonFiniteError>("scores: finite values required, got NaN or infinity");
  const auto row = scores.contiguous();
  std::vector<double> up(row.data_ptr<double>(), row.data_ptr<double>() + row.size(0));
  std::vector<double> down(up);
  for (double& score : down) score = -score;
  if (end == ScoreEnd::top) return smallest(down, k);
  if (end == ScoreEnd::bottom) return smallest(up, k);
  auto both = smallest(down, (k + 1) / 2);
  // Among equal scores the two ends could meet.
  for (const int64_t i : both) up[static_cast<size_t>(i)] = std::numeric_limits<double>::infinity();
  const auto lower = smallest(up, k / 2);
  both.insert(both.end(), lower.begin(), lower.end());
  return both;
}

}  // namespace expunge
