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

std::vector<int64_t> members_of(const torch::Tensor& labels, int64_t label) {
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
  if (members.empty()) fail<OptionError>("option class: class {} has no training example", label);
  return members;
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
  auto members = members_of(labels, label);
  if (static_cast<int64_t>(members.size()) == labels.size(0)) {
    fail<OptionError>(
        "option class: all {} training examples are of class {}; at least one must be retained",
        members.size(), label);
  }
  return members;
}

std::vector<int64_t> class_examples(const torch::Tensor& labels, int64_t label, int64_t k,
                                    uint64_t seed) {
  const auto members = members_of(labels, label);
  const auto size = static_cast<int64_t>(members.size());
  const int64_t most = std::min(size, labels.size(0) - 1);
  if (k < 1 || k > most) {
    fail<OptionError>(
        "option count: a whole number from 1 to {} required (class {} has {} of the {} training "
        "examples), got {}",
        most, label, size, labels.size(0), k);
  }
  CounterRng rng(derive_seed(seed, "forget of class", static_cast<uint64_t>(label)));
  const auto order = rng.permutation(size);
  std::vector<int64_t> drawn;
  for (int64_t i = 0; i < k; ++i)
    drawn.push_back(members[static_cast<size_t>(order[static_cast<size_t>(i)])]);
  return drawn;
}

int64_t count_of_share(double share, int64_t members) {
  if (!(share > 0 && share <= 1))
    fail<OptionError>("option share: a number above 0 and at most 1 required, got {}", share);
  return std::max<int64_t>(1, std::llround(share * static_cast<double>(members)));
}

int64_t class_label(const std::string& text, int64_t classes,
                    const std::vector<std::string>& class_names) {
  const auto named = std::find(class_names.begin(), class_names.end(), text);
  if (named != class_names.end()) return named - class_names.begin();
  int64_t label = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), label);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  if (is_number && label >= 0 && label < classes) return label;
  if (is_number || class_names.empty()) {
    fail<OptionError>("option class: a class from 0 to {} required{}, got \"{}\"", classes - 1,
                      is_number ? "" : " (no names of classes are known)", text);
  }
  fail<OptionError>("option class: unknown class \"{}\"; did you mean \"{}\"?", text,
                    nearest_name(text, class_names));
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
