#include "expunge/pipeline/method_comparison.h"

#include <algorithm>

#include "expunge/data/forget_set.h"
#include "expunge/evaluate/margins.h"

namespace expunge {
namespace {

// Of the points of a group, the one at the median and the one at the top by KLoM.
std::vector<int64_t> chosen_points(const torch::Tensor& klom, const std::vector<int64_t>& group) {
  if (group.empty()) return {};
  auto order = group;
  const auto* values = klom.data_ptr<double>();
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return std::pair(values[a], a) < std::pair(values[b], b);
  });
  if (order.size() == 1) return order;
  return {order[order.size() / 2], order.back()};
}

}  // namespace

ComparedMethod compare_with_oracles(MethodRow row, torch::Tensor margins,
                                    const torch::Tensor& oracles, int64_t n,
                                    const std::vector<int64_t>& forget, const KlomOptions& options,
                                    const ResamplingOptions& resampling) {
  ComparedMethod method{std::move(row), std::move(margins), {}};
  method.klom = klom(method.margins, oracles, options);
  method.row.klom = summarise_klom(method.margins, oracles, n, forget, options, resampling);
  return method;
}

std::vector<MarginExample> margin_examples(const std::vector<ComparedMethod>& methods,
                                           const torch::Tensor& oracles, int64_t n,
                                           const std::vector<int64_t>& forget,
                                           const std::function<std::string(int64_t)>& label_of,
                                           const std::function<torch::Tensor(int64_t)>& image_of) {
  std::vector<int64_t> validation;
  for (int64_t j = n; j < oracles.size(1); ++j) validation.push_back(j);
  std::vector<MarginExample> examples;
  const auto add = [&](PointGroup group, const std::vector<int64_t>& points) {
    for (const int64_t point : chosen_points(methods.front().klom, points)) {
      MarginExample example;
      example.point = point;
      example.group = group;
      example.label = label_of(point);
      example.image = image_of(point);
      example.oracle = margins_of_point(oracles, point);
      for (const auto& method : methods) {
        if (method.row.role == MethodRole::floor || method.row.role == MethodRole::reference)
          continue;
        example.series.push_back({method.row.method, method.row.role,
                                  margins_of_point(method.margins, point),
                                  method.klom[point].item<double>()});
      }
      examples.push_back(std::move(example));
    }
  };
  add(PointGroup::forget, forget);
  add(PointGroup::retain, retain_indices(forget, n));
  add(PointGroup::validation, validation);
  return examples;
}

}  // namespace expunge
