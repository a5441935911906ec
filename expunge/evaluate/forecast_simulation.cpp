#include "expunge/evaluate/forecast_simulation.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"
#include "expunge/evaluate/column_sums.h"
#include "expunge/evaluate/group_summary.h"

namespace expunge {
namespace {

constexpr size_t kMostSimulated = 400;
constexpr double kLeastSpread = 0.2;

double square(double x) {
  return x * x;
}

// One draw for a group of points.
class GroupDraw {
 public:
  GroupDraw(const KlomKernel& kernel, int64_t unlearned, int64_t oracles,
            const std::vector<double>& scale, CounterRng& rng)
      : kernel_(kernel), unlearned_(unlearned), oracles_(oracles), scale_(scale), rng_(rng) {}

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
    double squares = 0;
    for (const float error : shift) squares += square(error);
    const std::vector<float> none(points.size(), 0.0F);
    const std::vector<float> spreads(points.size(), static_cast<float>(spread));
    const auto u = side(unlearned_, scale, shift);
    const auto o = side(oracles_, spreads, none);
    std::vector<double> values(points.size());
    if (!kernel_(rows_of(u, unlearned_), rows_of(o, oracles_), 0, count, values.data()))
      fail<NonFiniteError>("forecast: a simulated margin is NaN or infinite");
    return {percentile(values, 95), std::sqrt(squares / static_cast<double>(count))};
  }

 private:
  std::vector<float> side(int64_t models, const std::vector<float>& scale,
                          const std::vector<float>& shift) {
    std::vector<float> values(static_cast<size_t>(models) * shift.size());
    for (size_t k = 0; k < values.size(); ++k) {
      const size_t point = k % shift.size();
      values[k] = scale[point] * static_cast<float>(rng_.normal()) + shift[point];
    }
    return values;
  }
  static std::vector<const float*> rows_of(const std::vector<float>& values, int64_t models) {
    std::vector<const float*> rows;
    for (int64_t i = 0; i < models; ++i)
      rows.push_back(values.data() + i * (std::ssize(values) / models));
    return rows;
  }

  const KlomKernel& kernel_;
  int64_t unlearned_, oracles_;
  const std::vector<double>& scale_;
  CounterRng& rng_;
};

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
  if (!set.mutual.defined() && !set.unlearned.defined()) return;
  const auto predicted = sums_over_models(set.predicted);
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

ForecastDraw draw_forecast(const ForecastParameters& p, const std::vector<double>& excess_variance,
                           const PointEvidence& known, const ForecastCase& set,
                           const ForecastModels& models, int64_t oracles, const KlomKernel& kernel,
                           CounterRng& rng) {
  const int64_t n = models.masks.size(1);
  const int64_t m = models.labels.numel();
  const int64_t* labels = models.labels.data_ptr<int64_t>();
  const double mixed_part = 0.5 + 0.5 * rng.uniform();     // w of klom_forecast.h
  const double coupling_part = 0.5 + 0.5 * rng.uniform();  // h
  std::vector<bool> forgotten(static_cast<size_t>(n), false);
  for (const int64_t j : set.forget) forgotten[static_cast<size_t>(j)] = true;
  std::vector<int64_t> retained, validation;
  for (int64_t j = 0; j < n; ++j) {
    if (!forgotten[static_cast<size_t>(j)]) retained.push_back(j);
  }
  for (int64_t j = n; j < m; ++j) validation.push_back(j);

  GroupDraw group(kernel, models.full_margins.size(0), oracles, known.scale, rng);
  const auto elsewhere = [&](std::vector<int64_t> points, const std::vector<double>& change,
                             const std::vector<double>& coupling) {
    const auto of_class = [labels](const std::vector<double>& values, int64_t j) {
      return values[static_cast<size_t>(labels[j])];
    };
    return group.draw(
        std::move(points), 1,
        [&](int64_t j) { return known.shift[static_cast<size_t>(j)] - of_class(change, j); },
        [&](int64_t j) {
          return mixed_part * std::max(0.0, p.mixed_share) *
                     excess_variance[static_cast<size_t>(j)] +
                 square(coupling_part * of_class(coupling, j));
        });
  };
  ForecastDraw draw;
  const double variance = std::max(0.0, p.own_error) +
                          mixed_part * std::max(0.0, p.mixed) * square(p.spread) +
                          square(coupling_part * p.coupling);
  const double mutual_part = 0.5 + rng.uniform();  // g
  const double missing = (known.mutual_predicted ? 1 : 0) - mutual_part;
  draw.forget = group.draw(
      set.forget, std::max(kLeastSpread, p.spread),
      [&](int64_t j) {
        const auto point = static_cast<size_t>(j);
        return p.bias + known.shift[point] + missing * known.mutual[point];
      },
      [&](int64_t) { return variance; });
  draw.retain = elsewhere(retained, p.retain, p.retain_coupling);
  draw.validation = elsewhere(validation, p.validation, p.validation_coupling);
  return draw;
}

}  // namespace expunge
