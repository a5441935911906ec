// KLoM against the number of subset models that predictions were fitted on: numbers, picture, tables.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "expunge/report/svg_canvas.h"
#include "expunge/report/text_table.h"

namespace expunge {

/// KLoM P95 of one estimator at one number of models, nats.
struct CountPoint {
  int64_t models = 0;
  double mean = 0;  ///< over the parts
  double low = 0;   ///< the least of them
  double high = 0;  ///< the largest
  int64_t parts = 1;
};

struct CountCurve {
  std::string estimator;
  std::vector<CountPoint> points;  ///< by ascending number of models
};

/// All estimators on one forget set.
struct CountPanel {
  std::string forget_set;
  std::vector<CountCurve> curves;
  double floor = 0;    ///< KLoM P95 of oracles against other oracles, nats
  double nothing = 0;  ///< of full models on the forgotten examples, nats
};

/// NonFiniteError for NaN and infinity; InputError for nothing to draw, numbers of models that do not
/// ascend from 2 on, low, mean and high out of order, fewer than one part, a negative floor, and an
/// estimator that is there twice.
void check(const CountPanel& panel);

/// Two pictures: KLoM against the number of models, both logarithmic, a line an estimator through its
/// means, with bars from the least to the largest where there are several parts, the floor and doing
/// nothing dashed; then the key. Styles go by the curves' order: seven differ. Throws what check() throws.
std::vector<SvgCanvas> count_pictures(const CountPanel& panel);

/// A row an estimator, a column a number of models: the mean.
TextTable count_table(const CountPanel& panel);

}  // namespace expunge
