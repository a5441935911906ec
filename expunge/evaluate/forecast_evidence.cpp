#include "expunge/evaluate/forecast_evidence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "expunge/evaluate/column_sums.h"
#include "expunge/evaluate/group_summary.h"

namespace expunge {
namespace {

double median_ratio(const std::vector<double>& over, const std::vector<double>& under, size_t begin,
                    size_t end) {
  std::vector<double> ratios;
  for (size_t j = begin; j < end; ++j) {
    if (std::isfinite(over[j])) ratios.push_back(as_unit(over[j]) / as_unit(under[j]));
  }
  return ratios.empty() ? 1 : percentile(ratios, 50);
}

}  // namespace

ForecastParameters ForecastParameters::extrapolated(const ForecastParameters& other,
                                                    double scale) const {
  ForecastParameters out = *this;
  const auto move = [scale](double& value, double to) { value += scale * (to - value); };
  for (auto field :
       {&ForecastParameters::multiplier, &ForecastParameters::bias, &ForecastParameters::coupling,
        &ForecastParameters::own_error, &ForecastParameters::own_error_of_size,
        &ForecastParameters::spread, &ForecastParameters::mixed, &ForecastParameters::mixed_share})
    move(out.*field, other.*field);
  for (auto field :
       {&ForecastParameters::validation, &ForecastParameters::retain,
        &ForecastParameters::validation_coupling, &ForecastParameters::retain_coupling}) {
    for (size_t c = 0; c < (out.*field).size(); ++c) move((out.*field)[c], (other.*field)[c]);
  }
  return out;
}

ForecastEvidence::ForecastEvidence(const ForecastModels& models, std::vector<int64_t> rows,
                                   std::vector<int64_t> full_rows)
    : models_(models),
      rows_(std::move(rows)),
      full_rows_(std::move(full_rows)),
      n_(models.masks.size(1)),
      m_(models.margins.size(1)),
      classes_(models.labels.max().item<int64_t>() + 1) {
  class_sizes_.assign(static_cast<size_t>(classes_), 0);
  for (int64_t j = 0; j < n_; ++j)
    ++class_sizes_[static_cast<size_t>(models_.labels.data_ptr<int64_t>()[j])];
  read_margins();
  measure_curve();
  measure_class_effects();
  measure_own_errors();
}

void ForecastEvidence::read_margins() {
  std::vector<ColumnSums> full(static_cast<size_t>(m_)), unseen(static_cast<size_t>(m_)),
      seen(static_cast<size_t>(n_));
  for (const int64_t i : full_rows_) {
    const float* row = models_.full_margins.data_ptr<float>() + i * m_;
    for (int64_t j = 0; j < m_; ++j) full[static_cast<size_t>(j)].add(row[j]);
  }
  int64_t kept = 0;
  for (const int64_t i : rows_) {
    const float* row = models_.margins.data_ptr<float>() + i * m_;
    const bool* mask = models_.masks.data_ptr<bool>() + i * n_;
    for (int64_t j = 0; j < m_; ++j) {
      const bool saw = j < n_ && mask[j];
      kept += saw ? 1 : 0;
      (saw ? seen : unseen)[static_cast<size_t>(j)].add(row[j]);
    }
  }
  alpha_ = static_cast<double>(kept) / static_cast<double>(std::ssize(rows_) * n_);
  const auto moments = [](const std::vector<ColumnSums>& sums) {
    Moments made;
    for (const auto& column : sums) {
      made.mean.push_back(column.mean());
      made.deviation.push_back(column.deviation());
    }
    return made;
  };
  full_ = moments(full);
  unseen_ = moments(unseen);
  seen_ = moments(seen);
  for (int64_t j = 0; j < n_; ++j) unseen_models_.push_back(unseen[static_cast<size_t>(j)].count);
  const auto split = static_cast<size_t>(n_);
  unseen_spread_ = median_ratio(unseen_.deviation, full_.deviation, split, static_cast<size_t>(m_));
  excess_.assign(static_cast<size_t>(m_), 0.0);
  measure_excess(0, n_, seen_);
  measure_excess(n_, m_, unseen_);
}

// The ratio of two sample variances of N and Nf models has, for Gaussian margins, a variance of about its
// square times 2 / (N - 1) + 2 / (Nf - 1).
void ForecastEvidence::measure_excess(int64_t begin, int64_t end, const Moments& subset) {
  std::vector<double> ratios;
  std::vector<int64_t> points;
  double mean = 0;
  for (int64_t j = begin; j < end; ++j) {
    const auto point = static_cast<size_t>(j);
    if (!std::isfinite(subset.deviation[point])) continue;
    const double ratio = as_unit(subset.deviation[point]) / as_unit(full_.deviation[point]);
    ratios.push_back(ratio * ratio);
    points.push_back(j);
    mean += ratio * ratio;
  }
  if (points.empty()) return;
  mean /= static_cast<double>(points.size());
  const double noise =
      mean * mean *
      (2 / static_cast<double>(rows_.size() - 1) + 2 / static_cast<double>(full_rows_.size() - 1));
  const auto shrunk = shrunk_to_mean(ratios, std::vector<double>(ratios.size(), noise));
  for (size_t k = 0; k < points.size(); ++k)
    excess_[static_cast<size_t>(points[k])] = std::max(0.0, shrunk[k] - 1);
}

// Validation points in runs of equal size by their mean margin; a run of its own needs ten points.
void ForecastEvidence::measure_curve() {
  std::vector<int64_t> order(static_cast<size_t>(m_ - n_));
  std::iota(order.begin(), order.end(), n_);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return std::pair(unseen_.mean[static_cast<size_t>(a)], a) <
           std::pair(unseen_.mean[static_cast<size_t>(b)], b);
  });
  const int64_t runs = std::clamp<int64_t>(std::ssize(order) / 10, 1, 10);
  for (int64_t k = 0; k < runs; ++k) {
    const int64_t begin = std::ssize(order) * k / runs;
    const int64_t end = std::ssize(order) * (k + 1) / runs;
    double margin = 0, change = 0;
    for (int64_t p = begin; p < end; ++p) {
      const auto j = static_cast<size_t>(order[static_cast<size_t>(p)]);
      margin += unseen_.mean[j] / static_cast<double>(end - begin);
      change += (full_.mean[j] - unseen_.mean[j]) / static_cast<double>(end - begin);
    }
    further_data_.at.push_back(margin);
    further_data_.value.push_back(change);
  }
}

double ForecastEvidence::Curve::operator()(double where) const {
  const auto above = std::lower_bound(at.begin(), at.end(), where);
  if (above == at.begin()) return value.front();
  if (above == at.end()) return value.back();
  const auto k = static_cast<size_t>(above - at.begin());
  const double share = (where - at[k - 1]) / (at[k] - at[k - 1]);
  return value[k - 1] + share * (value[k] - value[k - 1]);
}

// The standard deviation over seeds that a point would have if it were unseen.
double ForecastEvidence::unseen_unit(int64_t j) const {
  return as_unit(unseen_.deviation[static_cast<size_t>(j)] / unseen_spread_);
}

double ForecastEvidence::class_share(size_t label) const {
  return static_cast<double>(class_sizes_[label]) / static_cast<double>(n_);
}

void ForecastEvidence::measure_class_effects() {
  const auto cells = static_cast<size_t>(std::ssize(rows_) * classes_);
  std::vector<double> left_out(cells, 0.0), unseen(cells, 0.0), seen(cells, 0.0);
  const int64_t* labels = models_.labels.data_ptr<int64_t>();
  for (size_t r = 0; r < rows_.size(); ++r) {
    const float* row = models_.margins.data_ptr<float>() + rows_[r] * m_;
    const bool* mask = models_.masks.data_ptr<bool>() + rows_[r] * n_;
    const size_t at = r * static_cast<size_t>(classes_);
    std::vector<double> unseen_count(static_cast<size_t>(classes_), 0.0), seen_count = unseen_count;
    for (int64_t j = 0; j < m_; ++j) {
      const auto label = static_cast<size_t>(labels[j]);
      const auto point = static_cast<size_t>(j);
      if (j < n_ && mask[j]) {
        seen[at + label] += (row[j] - seen_.mean[point]) / as_unit(full_.deviation[point]);
        ++seen_count[label];
        continue;
      }
      if (j < n_) ++left_out[at + label];
      if (!std::isfinite(unseen_.deviation[point])) continue;
      const double unit = j < n_ ? unseen_unit(j) : as_unit(full_.deviation[point]);
      unseen[at + label] += (row[j] - unseen_.mean[point]) / unit;
      ++unseen_count[label];
    }
    for (size_t c = 0; c < static_cast<size_t>(classes_); ++c) {
      if (unseen_count[c] > 0) unseen[at + c] /= unseen_count[c];
      if (seen_count[c] > 0) seen[at + c] /= seen_count[c];
    }
  }
  // What each class lost beyond its share of what the model went without, whose number may vary.
  for (size_t at = 0; at < left_out.size(); at += static_cast<size_t>(classes_)) {
    const double all =
        std::accumulate(left_out.begin() + static_cast<std::ptrdiff_t>(at),
                        left_out.begin() + static_cast<std::ptrdiff_t>(at) + classes_, 0.0);
    for (size_t c = 0; c < static_cast<size_t>(classes_); ++c)
      left_out[at + c] -= class_share(c) * all;
  }
  effects_.emplace_back(left_out, unseen, classes_);
  effects_.emplace_back(left_out, seen, classes_);
}

// How far the models that saw an example are from those that did not, in standard deviations.
double ForecastEvidence::own_effect(int64_t j) const {
  const auto point = static_cast<size_t>(j);
  return std::abs(seen_.mean[point] - unseen_.mean[point]) / unseen_unit(j);
}

// For two models i, i' of one fold to which j is unseen, the errors of the fold's prediction are
// e + noise_i and e + noise_i': their product has the expectation e^2, whatever the noise. e is the error of
// the effect on itself and, of all that the models went without, of the others' effects. The second part
// alone is what validation points show. Examples that act strongly are predicted with larger errors: e^2 is a mean
// over runs of a hundred examples by the size of their effect.
void ForecastEvidence::measure_own_errors() {
  const auto points = static_cast<size_t>(m_);
  std::vector<double> products(points, 0.0), pairs(points, 0.0);
  const int64_t models = models_.masks.size(0);
  size_t next = 0;
  for (int64_t k = 0; k < models_.folds; ++k) {
    const int64_t end = models * (k + 1) / models_.folds;
    std::vector<ColumnSums> residuals(points);
    for (; next < rows_.size() && rows_[next] < end; ++next) {
      const int64_t i = rows_[next];
      for (int64_t j = 0; j < m_; ++j) {
        const auto point = static_cast<size_t>(j);
        const bool saw = j < n_ && models_.masks.data_ptr<bool>()[i * n_ + j];
        if (saw || !std::isfinite(unseen_.deviation[point])) continue;
        const double error = models_.margins.data_ptr<float>()[i * m_ + j] -
                             models_.held_out.data_ptr<float>()[i * m_ + j];
        if (!std::isnan(error)) residuals[point].add(error / unseen_unit(j));
      }
    }
    for (size_t point = 0; point < points; ++point) {
      const auto& r = residuals[point];
      products[point] += r.sum * r.sum - r.squares;
      pairs[point] += static_cast<double>(r.count * (r.count - 1));
    }
  }
  double others = 0, pairs_of_others = 0;
  for (auto point = static_cast<size_t>(n_); point < points; ++point) {
    others += products[point];
    pairs_of_others += pairs[point];
  }
  if (pairs_of_others > 0) others /= pairs_of_others;
  // Folds are predicted by (folds - 1) / folds of the models; with all of them the error is smaller.
  const double fewer = 1 - 1 / static_cast<double>(models_.folds);
  std::vector<int64_t> order;
  std::vector<double> effect(static_cast<size_t>(n_), 0.0);
  for (int64_t j = 0; j < n_; ++j) {
    const auto point = static_cast<size_t>(j);
    own_products_.push_back(fewer * (products[point] - others * pairs[point]));
    own_pairs_.push_back(pairs[point]);
    if (!std::isfinite(unseen_.deviation[point]) || !std::isfinite(seen_.mean[point])) continue;
    effect[point] = own_effect(j);
    order.push_back(j);
  }
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return std::pair(effect[static_cast<size_t>(a)], a) <
           std::pair(effect[static_cast<size_t>(b)], b);
  });
  const int64_t runs = std::max<int64_t>(std::ssize(order) / 100, 1);
  for (int64_t k = 0; k < runs; ++k) {
    const auto begin = order.begin() + std::ssize(order) * k / runs;
    const auto end = order.begin() + std::ssize(order) * (k + 1) / runs;
    double size = 0, product = 0, pair = 0;
    for (auto j = begin; j != end; ++j) {
      size += effect[static_cast<size_t>(*j)] / static_cast<double>(end - begin);
      product += own_products_[static_cast<size_t>(*j)];
      pair += own_pairs_[static_cast<size_t>(*j)];
    }
    own_error_.at.push_back(size);
    own_error_.value.push_back(pair > 0 ? product / pair : 0);
  }
}

ForecastParameters ForecastEvidence::parameters(const ForecastCase& set) const {
  const int64_t* labels = models_.labels.data_ptr<int64_t>();
  const double share = static_cast<double>(set.forget.size()) / static_cast<double>(n_);
  const auto removed = static_cast<double>(std::ssize(set.forget) + set.before.examples);
  const auto all = static_cast<double>(n_ + set.before.examples);
  const double of_left_out = std::min(1.0, removed / (all * (1 - alpha_)));
  std::vector<ColumnSums> predicted(static_cast<size_t>(m_));
  for (const int64_t i : full_rows_) {
    const float* row = set.predicted.data_ptr<float>() + i * m_;
    for (int64_t j = 0; j < m_; ++j) predicted[static_cast<size_t>(j)].add(row[j]);
  }
  // How many more of each class go than of a random set of this size.
  std::vector<double> excess;
  for (const int64_t size : class_sizes_) excess.push_back(-share * static_cast<double>(size));
  std::vector<bool> forgotten(static_cast<size_t>(n_), false);
  for (const int64_t j : set.forget) {
    ++excess[static_cast<size_t>(labels[j])];
    forgotten[static_cast<size_t>(j)] = true;
  }
  // Effects of classes are linear in what goes: those of earlier removals add up.
  const auto coupling_on = [&](const ClassEffects& effects, int64_t label,
                               const std::vector<double>& before) {
    double sum = before.empty() ? 0 : before[static_cast<size_t>(label)];
    for (int64_t a = 0; a < classes_; ++a) {
      const auto c = static_cast<size_t>(a);
      sum += excess[c] * (1 - class_share(c)) * effects.effect(a, label);
    }
    return sum;
  };

  ForecastParameters p;
  double count = 0, log_spread = 0, needed = 0, given = 0, own_products = 0, own_pairs = 0;
  for (const int64_t j : set.forget) {
    const auto point = static_cast<size_t>(j);
    const bool told = std::isfinite(unseen_.deviation[point]) && std::isfinite(seen_.mean[point]);
    if (told) p.own_error_of_size += own_error_(own_effect(j));
    own_products += own_products_[point];
    own_pairs += own_pairs_[point];
    if (!std::isfinite(unseen_.deviation[point])) continue;
    const double unit = unseen_unit(j);
    const double predicted_unit = as_unit(predicted[point].deviation());
    // The others' effect on j: j is not among them.
    const double one = (1 - class_share(static_cast<size_t>(labels[j]))) *
                       effects_[0].effect(labels[j], labels[j]);
    const double coupling =
        (coupling_on(effects_[0], labels[j], set.before.validation_coupling) - one) * unit;
    const double retrained =
        unseen_.mean[point] + (1 - of_left_out) * further_data_(unseen_.mean[point]) + coupling;
    ++count;
    p.bias += (predicted[point].mean() - retrained) / predicted_unit;
    p.coupling += coupling / predicted_unit;
    log_spread += std::log(unit / predicted_unit);
    needed += full_.mean[point] - retrained;
    given += full_.mean[point] - predicted[point].mean();
  }
  count = std::max(count, 1.0);
  p.bias /= count;
  p.coupling /= count;
  p.spread = std::exp(log_spread / count);
  p.own_error_of_size *= p.spread * p.spread / static_cast<double>(set.forget.size());
  p.own_error =
      own_pairs > 0 ? p.spread * p.spread * own_products / own_pairs : p.own_error_of_size;
  p.multiplier = needed / given;

  p.mixed_share = removed / (all * alpha_ * (1 - alpha_));
  p.mixed = p.mixed_share * std::accumulate(excess_.begin() + n_, excess_.end(), 0.0) /
            static_cast<double>(m_ - n_);

  const auto classes = static_cast<size_t>(classes_);
  std::vector<double> validation_count(classes, 0.0), retain_count(classes, 0.0);
  p.validation.assign(classes, 0.0);
  p.retain.assign(classes, 0.0);
  for (int64_t j = 0; j < m_; ++j) {
    const auto point = static_cast<size_t>(j);
    if (j < n_ && forgotten[point]) continue;
    const double before = j < n_ ? seen_.mean[point] : unseen_.mean[point];
    if (!std::isfinite(before)) continue;
    const double change =
        -of_left_out * (full_.mean[point] - before) - (predicted[point].mean() - full_.mean[point]);
    const auto label = static_cast<size_t>(labels[j]);
    (j < n_ ? p.retain : p.validation)[label] += change / as_unit(full_.deviation[point]);
    ++(j < n_ ? retain_count : validation_count)[label];
  }
  for (size_t c = 0; c < classes; ++c) {
    const auto label = static_cast<int64_t>(c);
    p.validation_coupling.push_back(
        coupling_on(effects_[0], label, set.before.validation_coupling));
    p.retain_coupling.push_back(coupling_on(effects_[1], label, set.before.retain_coupling));
    p.validation[c] =
        p.validation[c] / std::max(1.0, validation_count[c]) + p.validation_coupling[c];
    p.retain[c] = p.retain[c] / std::max(1.0, retain_count[c]) + p.retain_coupling[c];
  }
  return p;
}

}  // namespace expunge
