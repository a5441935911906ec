#include "expunge/evaluate/forecast_simulation.h"

#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"
#include "expunge/core/simd.h"
#include "expunge/evaluate/column_sums.h"
#include "expunge/evaluate/group_summary.h"

namespace expunge {
namespace {

constexpr size_t kMostSimulated = 400;
constexpr double kLeastSpread = 0.2;
constexpr double kLeastUntold = 0.1;  // of a variance, whatever the prediction tells
constexpr double kUnlike = 0.5;       // standard deviation of log v, klom_forecast.h
constexpr double kUnlikeSize = 20;    // up to this many examples

double square(double x) {
  return x * x;
}

// sum[k] += weight * row[k].
EXPUNGE_VECTOR_CLONES
void add_row(float weight, const float* row, size_t count, float* sum) {
  for (size_t k = 0; k < count; ++k) sum[k] += weight * row[k];
}

// One draw for a group of points.
class GroupDraw {
 public:
  GroupDraw(const KlomKernel& kernel, const torch::Tensor& rows, const ForecastCounts& counts,
            const std::vector<double>& scale, CounterRng& rng)
      : kernel_(kernel), rows_(rows), counts_(counts), scale_(scale), rng_(rng) {}

  /// bias(j), variance(j): of judged minus retrained mean margins; spread: of retrained models.
  template <class Bias, class Variance>
  GroupForecast draw(std::vector<int64_t> points, double spread, const Bias& bias,
                     const Variance& variance) {
    if (points.size() > kMostSimulated) {
      const auto order = rng_.permutation(std::ssize(points));
      std::vector<int64_t> some;
      for (size_t k = 0; k < kMostSimulated; ++k)
        some.push_back(points[static_cast<size_t>(order[k])]);
      points = std::move(some);
    }
    const auto count = std::ssize(points);
    std::vector<float> shift, scale;
    for (const int64_t j : points) {
      shift.push_back(
          static_cast<float>(bias(j) + std::sqrt(std::max(0.0, variance(j))) * rng_.normal()));
      scale.push_back(static_cast<float>(scale_[static_cast<size_t>(j)]));
    }
    const std::vector<float> none(points.size(), 0.0F);
    const std::vector<float> spreads(points.size(), static_cast<float>(spread));
    const auto luck = luck_of(points);
    const auto u = side(luck, counts_.unlearned, scale, shift);
    const auto o = side(luck, counts_.oracles, spreads, none);
    std::vector<double> values(points.size());
    if (!kernel_(rows_of(u, counts_.unlearned), rows_of(o, counts_.oracles), 0, count,
                 values.data()))
      fail<NonFiniteError>("forecast: a simulated margin is NaN or infinite");
    return {percentile(values, 95), error_of(u, o, scale, spread)};
  }

 private:
  // (Nf, points) of rows_.
  [[nodiscard]] std::vector<float> luck_of(const std::vector<int64_t>& points) const {
    const float* data = rows_.data_ptr<float>();
    std::vector<float> luck;
    luck.reserve(static_cast<size_t>(rows_.size(0)) * points.size());
    for (int64_t i = 0; i < rows_.size(0); ++i) {
      for (const int64_t j : points) luck.push_back(data[i * rows_.size(1) + j]);
    }
    return luck;
  }
  std::vector<float> side(const std::vector<float>& luck, int64_t models,
                          const std::vector<float>& scale, const std::vector<float>& shift) {
    const size_t points = shift.size();
    std::vector<float> values(static_cast<size_t>(models) * points, 0.0F);
    for (size_t model = 0; model < static_cast<size_t>(models); ++model) {
      float* row = values.data() + model * points;
      for (size_t i = 0; i < luck.size(); i += points)
        add_row(static_cast<float>(rng_.normal()), luck.data() + i, points, row);
      for (size_t k = 0; k < points; ++k) row[k] = scale[k] * row[k] + shift[k];
    }
    return values;
  }
  static std::vector<const float*> rows_of(const std::vector<float>& values, int64_t models) {
    std::vector<const float*> rows;
    for (int64_t i = 0; i < models; ++i)
      rows.push_back(values.data() + i * (std::ssize(values) / models));
    return rows;
  }
  static std::vector<double> means(const std::vector<float>& values, size_t points) {
    std::vector<double> mean(points, 0);
    for (size_t k = 0; k < values.size(); ++k) mean[k % points] += values[k];
    for (double& sum : mean)
      sum *= static_cast<double>(points) / static_cast<double>(values.size());
    return mean;
  }
  [[nodiscard]] double error_of(const std::vector<float>& u, const std::vector<float>& o,
                                const std::vector<float>& scale, double spread) const {
    const size_t points = scale.size();
    const auto judged = means(u, points), retrained = means(o, points);
    double squares = 0;
    for (size_t k = 0; k < points; ++k) {
      squares += square(judged[k] - retrained[k]) -
                 square(scale[k]) / static_cast<double>(counts_.unlearned) -
                 square(spread) / static_cast<double>(counts_.oracles);
    }
    return std::sqrt(std::max(0.0, squares / static_cast<double>(points)));
  }

  const KlomKernel& kernel_;
  const torch::Tensor& rows_;
  const ForecastCounts& counts_;
  const std::vector<double>& scale_;
  CounterRng& rng_;
};

std::vector<double> variance_told_apart(const std::vector<ColumnSums>& predicted,
                                        const ForecastModels& models,
                                        const std::vector<int64_t>& forget) {
  const auto full = sums_over_models(models.full_margins);
  const int64_t* labels = models.labels.data_ptr<int64_t>();
  const auto n = static_cast<size_t>(models.masks.size(1));
  const auto classes = static_cast<size_t>(models.labels.max().item<int64_t>() + 1);
  std::vector<bool> outside(full.size(), true);
  for (const int64_t j : forget) outside[static_cast<size_t>(j)] = false;
  const auto group = [&](size_t j) {
    return static_cast<size_t>(labels[j]) + (j < n ? 0 : classes);
  };
  std::vector<ColumnSums> changes(2 * classes);
  for (size_t j = 0; j < full.size(); ++j) {
    if (outside[j])
      changes[group(j)].add((predicted[j].mean() - full[j].mean()) / as_unit(full[j].deviation()));
  }
  std::vector<double> variance(full.size(), 0.0);
  for (size_t j = 0; j < full.size(); ++j) {
    const auto& of_group = changes[group(j)];
    if (outside[j] && of_group.count > 1) variance[j] = square(of_group.deviation());
  }
  return variance;
}

}  // namespace

PointEvidence::PointEvidence(const ForecastModels& models, const ForecastCase& set)
    : mutual_predicted(set.mutual_predicted) {
  const auto n = static_cast<size_t>(models.masks.size(1));
  const auto m = static_cast<size_t>(models.labels.numel());
  mutual.assign(n, 0);
  shift.assign(m, 0);
  scale.assign(m, 1);
  const auto check = [](const torch::Tensor& array, const char* name,
                        const std::vector<int64_t>& shape) {
    if (array.sizes() != at::IntArrayRef(shape) || array.scalar_type() != torch::kFloat32 ||
        !array.is_contiguous()) {
      fail<InputError>("forecast: {} ({}) float32 required, got ({}) of {}", name,
                       fmt::join(shape, ", "), fmt::join(array.sizes(), ", "),
                       toString(array.scalar_type()));
    }
    if (!array.isfinite().all().item<bool>())
      fail<NonFiniteError>("forecast: finite {} required, got NaN or infinity", name);
  };
  const auto predicted = sums_over_models(set.predicted);
  told_apart = variance_told_apart(predicted, models, set.forget);
  if (set.mutual.defined()) {
    const auto size = std::ssize(set.forget);
    check(set.mutual, "mutual effects", {size});
    double sum = 0, squares = 0;
    for (int64_t k = 0; k < size; ++k) {
      const auto j = static_cast<size_t>(set.forget[static_cast<size_t>(k)]);
      mutual[j] = set.mutual.data_ptr<float>()[k] / as_unit(predicted[j].deviation());
      sum += mutual[j];
      squares += square(mutual[j]);
    }
    mutual_size = std::sqrt(squares / static_cast<double>(size));
    for (const int64_t j : set.forget)
      mutual[static_cast<size_t>(j)] -= sum / static_cast<double>(size);
  }
  if (set.unlearned.defined()) {
    check(set.unlearned, "unlearned margins", {set.predicted.size(0), set.predicted.size(1)});
    const auto judged = sums_over_models(set.unlearned);
    for (size_t j = 0; j < m; ++j) {
      const double unit = as_unit(predicted[j].deviation());
      shift[j] = (judged[j].mean() - predicted[j].mean()) / unit;
      scale[j] = as_unit(judged[j].deviation()) / unit;
    }
  }
}

torch::Tensor correlated_rows(const torch::Tensor& full_margins) {
  const auto margins = full_margins.to(torch::kFloat64);
  const auto centred = margins - margins.mean(0);
  const auto length = centred.square().sum(0).sqrt();
  return at::where(length > 0, centred / length, 0).to(torch::kFloat32).contiguous();
}

ForecastDraw draw_forecast(const ForecastParameters& p, const std::vector<double>& excess_variance,
                           const PointEvidence& known, const ForecastCase& set,
                           const ForecastModels& models, const torch::Tensor& rows,
                           const ForecastCounts& counts, const KlomKernel& kernel,
                           CounterRng& rng) {
  const int64_t n = models.masks.size(1);
  const int64_t m = models.labels.numel();
  const int64_t* labels = models.labels.data_ptr<int64_t>();
  const double mixed_part = rng.uniform();                 // w of klom_forecast.h
  const double coupling_part = 0.5 + 0.5 * rng.uniform();  // h
  const double alike = std::min(1.0, kUnlikeSize / static_cast<double>(set.forget.size()));
  const double spread_of_log = 2 * kUnlike * std::sqrt(alike);
  const double unlike = std::exp(spread_of_log * rng.normal());            // v^2, on F
  const double unlike_elsewhere = std::exp(spread_of_log * rng.normal());  // and elsewhere
  std::vector<bool> forgotten(static_cast<size_t>(n), false);
  for (const int64_t j : set.forget) forgotten[static_cast<size_t>(j)] = true;
  std::vector<int64_t> retained, validation;
  for (int64_t j = 0; j < n; ++j) {
    if (!forgotten[static_cast<size_t>(j)]) retained.push_back(j);
  }
  for (int64_t j = n; j < m; ++j) validation.push_back(j);

  GroupDraw group(kernel, rows, counts, known.scale, rng);
  const auto elsewhere = [&](std::vector<int64_t> points, const std::vector<double>& change,
                             const std::vector<double>& coupling) {
    const auto of_class = [labels](const std::vector<double>& values, int64_t j) {
      return values[static_cast<size_t>(labels[j])];
    };
    return group.draw(
        std::move(points), 1,
        [&](int64_t j) { return known.shift[static_cast<size_t>(j)] - of_class(change, j); },
        [&](int64_t j) {
          const auto point = static_cast<size_t>(j);
          const double whole = mixed_part * std::max(0.0, p.mixed_share) * excess_variance[point] +
                               square(coupling_part * of_class(coupling, j));
          return unlike_elsewhere * std::max(whole - known.told_apart[point], kLeastUntold * whole);
        });
  };
  ForecastDraw draw;
  const double of_others =
      mixed_part * std::max(0.0, p.mixed) * square(p.spread) + square(coupling_part * p.coupling);
  const double mutual_part = 0.5 + rng.uniform();  // g
  const double missing = (known.mutual_predicted ? 1 : 0) - mutual_part;
  draw.forget = group.draw(
      set.forget, std::max(kLeastSpread, p.spread),
      [&](int64_t j) {
        const auto point = static_cast<size_t>(j);
        return p.bias + known.shift[point] + missing * known.mutual[point];
      },
      [&](int64_t) { return unlike * (std::max(0.0, p.own_error) + of_others); });
  draw.retain = elsewhere(retained, p.retain, p.retain_coupling);
  draw.validation = elsewhere(validation, p.validation, p.validation_coupling);
  return draw;
}

}  // namespace expunge
