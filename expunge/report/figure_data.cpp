#include "expunge/report/figure_data.h"

#include <cmath>
#include <map>
#include <set>

#include "expunge/core/error.h"

namespace expunge {
namespace {

void require_number(double value, const std::string& what) {
  if (!std::isfinite(value)) {
    fail<NonFiniteError>("figure: {}: expected a finite number, got {}", what, value);
  }
}

void require_positive_or_zero(double value, const std::string& what) {
  require_number(value, what);
  if (value < 0) fail<InputError>("figure: {}: expected >= 0, got {}", what, value);
}

void require_share(double value, const std::string& what) {
  require_number(value, what);
  if (value < 0 || value > 1) {
    fail<InputError>("figure: {}: expected a share in [0, 1], got {}", what, value);
  }
}

void require_length(size_t length, size_t expected, const std::string& what) {
  if (length != expected) {
    fail<InputError>("figure: {}: expected {} values, got {}", what, expected, length);
  }
}

void require_some(bool some, const std::string& what) {
  if (!some) fail<InputError>("figure: {}: expected something to draw, got nothing", what);
}

void check_time(const std::vector<double>& time, const std::string& where) {
  if (time.size() < 2) {
    fail<InputError>("figure: {}: expected at least two times, got {}", where, time.size());
  }
  for (size_t i = 0; i < time.size(); ++i) {
    require_number(time[i], where + ", time");
    if (i > 0 && time[i] <= time[i - 1]) {
      fail<InputError>("figure: {}: expected ascending times, got {} after {}", where, time[i],
                       time[i - 1]);
    }
  }
}

void check_rates(const std::vector<double>& rates, const std::string& what) {
  for (size_t i = 0; i < rates.size(); ++i) {
    require_share(rates[i], what);
    if (i > 0 && rates[i] < rates[i - 1]) {
      fail<InputError>("figure: {}: expected rates that never fall, got {} after {}", what,
                       rates[i], rates[i - 1]);
    }
  }
}

/// Remembers each method's role, and refuses another.
void require_one_role(std::map<std::string, MethodRole>& roles, const std::string& method,
                      MethodRole role, const std::string& where) {
  if (roles.emplace(method, role).first->second != role) {
    fail<InputError>("figure: {}: expected one role of {}, got two", where, method);
  }
}

}  // namespace

void check(const FrontierPanelSet& set) {
  const std::string where = "frontier, " + set.forget_set;
  require_some(!set.cells.empty(), where);
  require_positive_or_zero(set.floor, where + ", floor");
  std::map<std::string, MethodRole> roles;
  std::map<std::string, int64_t> best;
  for (const auto& cell : set.cells) {
    const std::string what = fmt::format("{}, {} ({})", where, cell.method, cell.settings);
    require_positive_or_zero(cell.cost_share, what + ", cost");
    require_number(cell.average, what + ", average");
    require_number(cell.forget, what + ", forget");
    require_number(cell.retain, what + ", retain");
    require_number(cell.validation, what + ", validation");
    require_one_role(roles, cell.method, cell.role, where);
    best[cell.method] += cell.best ? 1 : 0;
  }
  for (const auto& [method, count] : best) {
    if (count == 1) continue;
    fail<InputError>("figure: {}, {}: expected one best cell, got {}", where, method, count);
  }
}

void check(const TrajectoryPanel& panel) {
  const std::string where = "trajectories, " + panel.heading;
  require_some(!panel.points.empty(), where);
  check_time(panel.time, where);
  int64_t overshoots = 0;
  for (const auto& point : panel.points) {
    const std::string what = fmt::format("{}, point {}", where, point.point);
    require_length(point.likelihood.size(), panel.time.size(), what);
    for (const double likelihood : point.likelihood) require_share(likelihood, what);
    overshoots += point.overshoots ? 1 : 0;
  }
  const auto drawn = static_cast<int64_t>(panel.points.size());
  if (panel.counted_points < drawn) {
    fail<InputError>("figure: {}: expected at least the {} drawn points counted, got {}", where,
                     drawn, panel.counted_points);
  }
  const int64_t steady = drawn - overshoots;
  if (panel.counted_overshoots < overshoots ||
      panel.counted_overshoots > panel.counted_points - steady) {
    fail<InputError>("figure: {}: expected {} to {} of {} points to overshoot, got {}", where,
                     overshoots, panel.counted_points - steady, panel.counted_points,
                     panel.counted_overshoots);
  }
}

void check(const LossCurve& curve) {
  const std::string where = "losses, " + curve.method;
  check_time(curve.time, where);
  for (const auto& [losses, name] :
       {std::pair{&curve.forget_loss, "forget"}, std::pair{&curve.retain_loss, "retain"},
        std::pair{&curve.validation_loss, "validation"}}) {
    const std::string what = fmt::format("{}, {}", where, name);
    require_length(losses->size(), curve.time.size(), what);
    for (const double loss : *losses) require_positive_or_zero(loss, what);
  }
}

void check(const std::vector<AgreementPoint>& points) {
  require_some(!points.empty(), "agreement with an attack");
  std::map<std::string, MethodRole> roles;
  for (const auto& point : points) {
    const std::string where = fmt::format("agreement, {}, {}", point.forget_set, point.method);
    require_number(point.klom, where + ", KLoM");
    require_share(point.attack_accuracy, where + ", attack accuracy");
    require_share(point.low, where + ", lower end of the interval");
    require_share(point.high, where + ", upper end of the interval");
    if (point.low > point.attack_accuracy || point.high < point.attack_accuracy) {
      fail<InputError>("figure: {}: expected an interval around {}, got [{}, {}]", where,
                       point.attack_accuracy, point.low, point.high);
    }
    require_one_role(roles, point.method, point.role, where);
  }
}

void check(const std::vector<RocCurve>& curves) {
  require_some(!curves.empty(), "curves of an attack");
  std::set<std::string> methods;
  for (const auto& curve : curves) {
    const std::string where = "curve of an attack, " + curve.method;
    if (!methods.insert(curve.method).second) {
      fail<InputError>("figure: {}: expected one curve a method, got two", where);
    }
    if (curve.false_positive.size() < 2) {
      fail<InputError>("figure: {}: expected at least two points, got {}", where,
                       curve.false_positive.size());
    }
    require_length(curve.true_positive.size(), curve.false_positive.size(), where);
    check_rates(curve.false_positive, where + ", false positives");
    check_rates(curve.true_positive, where + ", true positives");
  }
}

}  // namespace expunge
