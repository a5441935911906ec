#include "expunge/evaluate/class_effects.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"

namespace expunge {
namespace {

// Column `column` of an (N, C) table, less its mean.
std::vector<double> centred_column(std::span<const double> table, int64_t classes, int64_t column) {
  const int64_t models = std::ssize(table) / classes;
  std::vector<double> values(static_cast<size_t>(models));
  double mean = 0;
  for (int64_t i = 0; i < models; ++i) {
    values[static_cast<size_t>(i)] = table[static_cast<size_t>(i * classes + column)];
    mean += values[static_cast<size_t>(i)] / static_cast<double>(models);
  }
  for (double& value : values) value -= mean;
  return values;
}

}  // namespace

std::vector<double> shrunk_to_mean(std::span<const double> values,
                                   std::span<const double> variances) {
  if (values.size() != variances.size())
    fail("shrinkage: a variance for each of {} values required, got {}", values.size(),
         variances.size());
  std::vector<double> shrunk(values.begin(), values.end());
  if (values.size() < 2) return shrunk;
  double weights = 0, mean = 0;
  for (size_t k = 0; k < values.size(); ++k) {
    weights += 1 / variances[k];
    mean += values[k] / variances[k];
  }
  mean /= weights;
  double spread = 0;
  for (size_t k = 0; k < values.size(); ++k)
    spread += (values[k] - mean) * (values[k] - mean) - variances[k];
  const double prior = std::max(0.0, spread / static_cast<double>(values.size()));
  for (size_t k = 0; k < values.size(); ++k)
    shrunk[k] = mean + prior / (prior + variances[k]) * (values[k] - mean);
  return shrunk;
}

ClassEffects::ClassEffects(std::span<const double> left_out, std::span<const double> margins,
                           int64_t classes)
    : classes_(classes), effects_(static_cast<size_t>(classes * classes), 0.0) {
  const int64_t models = std::ssize(left_out) / classes;
  if (left_out.size() != margins.size() || models * classes != std::ssize(left_out) || models < 3)
    fail("class effects: two tables of (models, {}) with at least 3 models required, got {} and {}",
         classes, left_out.size(), margins.size());
  std::vector<double> own, own_variance, other, other_variance;
  std::vector<size_t> own_place, other_place;
  for (int64_t a = 0; a < classes; ++a) {
    const auto d = centred_column(left_out, classes, a);
    double squares = 0;
    for (const double value : d) squares += value * value;
    if (!(squares > 0)) continue;
    for (int64_t b = 0; b < classes; ++b) {
      const auto t = centred_column(margins, classes, b);
      double product = 0, residual = 0;
      for (size_t i = 0; i < d.size(); ++i) product += d[i] * t[i];
      const double slope = product / squares;
      for (size_t i = 0; i < d.size(); ++i)
        residual += (t[i] - slope * d[i]) * (t[i] - slope * d[i]);
      const double variance = residual / static_cast<double>(models - 2) / squares;
      if (!(variance > 0)) continue;  // a class without points
      (a == b ? own : other).push_back(slope);
      (a == b ? own_variance : other_variance).push_back(variance);
      (a == b ? own_place : other_place).push_back(static_cast<size_t>(a * classes + b));
    }
  }
  const auto own_shrunk = shrunk_to_mean(own, own_variance);
  const auto other_shrunk = shrunk_to_mean(other, other_variance);
  for (size_t k = 0; k < own_place.size(); ++k) effects_[own_place[k]] = own_shrunk[k];
  for (size_t k = 0; k < other_place.size(); ++k) effects_[other_place[k]] = other_shrunk[k];
}

}  // namespace expunge
