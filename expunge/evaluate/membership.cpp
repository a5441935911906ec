#include "expunge/evaluate/membership.h"

#include <cmath>

#include "expunge/core/error.h"
#include "expunge/evaluate/column_sums.h"
#include "expunge/evaluate/margins.h"

namespace expunge {
namespace {

constexpr int64_t kLeastShadows = 3;

double log_density(double x, const ColumnSums& fitted) {
  const double deviation = as_unit(fitted.deviation());
  const double z = (x - fitted.mean()) / deviation;
  return -0.5 * z * z - std::log(deviation);
}

bool is_member(double x, const ColumnSums& seen, const ColumnSums& left_out) {
  return log_density(x, seen) > log_density(x, left_out);
}

ColumnSums without(ColumnSums sums, double value) {
  --sums.count;
  sums.sum -= value;
  sums.squares -= value * value;
  return sums;
}

void check_model(const torch::Tensor& margins, const char* name, int64_t m) {
  if (margins.dim() != 1 || margins.size(0) != m || margins.scalar_type() != torch::kFloat32) {
    fail<InputError>("audit: margins {} ({}) float32 required, got ({}) of {}", name, m,
                     fmt::join(margins.sizes(), ", "), toString(margins.scalar_type()));
  }
  if (!margins.isfinite().all().item<bool>())
    fail<NonFiniteError>("audit: finite margins {} required, got NaN or infinity", name);
}

}  // namespace

MembershipAudit audit_membership(const torch::Tensor& masks, const torch::Tensor& subset_margins,
                                 const torch::Tensor& before, const torch::Tensor& after,
                                 std::span<const int64_t> forget) {
  require_margins("subset models", subset_margins, "audit", 2);
  if (masks.dim() != 2 || masks.scalar_type() != torch::kBool ||
      masks.size(0) != subset_margins.size(0) || masks.size(1) > subset_margins.size(1)) {
    fail<InputError>("audit: masks ({}, at most {}) bool required, got ({}) of {}",
                     subset_margins.size(0), subset_margins.size(1), fmt::join(masks.sizes(), ", "),
                     toString(masks.scalar_type()));
  }
  check_model(before, "before", subset_margins.size(1));
  check_model(after, "after", subset_margins.size(1));
  MembershipAudit audit;
  double left_out_models = 0, seen_models = 0;
  for (const int64_t j : forget) {
    if (j < 0 || j >= masks.size(1))
      fail<InputError>("audit: examples from 0 to {} required, got {}", masks.size(1) - 1, j);
    const auto column = margins_of_point(subset_margins, j);
    const auto mask = masks.select(1, j).contiguous();
    ColumnSums seen, left_out;
    for (size_t i = 0; i < column.size(); ++i) {
      if (!std::isfinite(column[i]))
        fail<NonFiniteError>("audit: a margin of subset model {} on example {} is not finite", i,
                             j);
      (mask.data_ptr<bool>()[i] ? seen : left_out).add(column[i]);
    }
    if (seen.count < kLeastShadows || left_out.count < kLeastShadows) continue;
    ++audit.examples;
    audit.before += is_member(before[j].item<double>(), seen, left_out) ? 1 : 0;
    audit.after += is_member(after[j].item<double>(), seen, left_out) ? 1 : 0;
    for (size_t i = 0; i < column.size(); ++i) {
      if (mask.data_ptr<bool>()[i]) {
        audit.seen += is_member(column[i], without(seen, column[i]), left_out) ? 1 : 0;
        ++seen_models;
      } else {
        audit.left_out += is_member(column[i], seen, without(left_out, column[i])) ? 1 : 0;
        ++left_out_models;
      }
    }
  }
  if (audit.examples == 0) return audit;
  audit.before /= static_cast<double>(audit.examples);
  audit.after /= static_cast<double>(audit.examples);
  audit.left_out /= left_out_models;
  audit.seen /= seen_models;
  return audit;
}

}  // namespace expunge
