// A comparison's numbers as tables.
#pragma once

#include "expunge/convex/comparison.h"
#include "expunge/report/text_table.h"

namespace expunge {

/// Closed forms: distance to retraining in units of the full model's, seconds.
TextTable closed_form_table(const ConvexComparison& comparison);

/// Gradient methods: step, eigenvalues, distance at the end, decay a step, predicted and bounded decay.
TextTable rate_table(const ConvexComparison& comparison);

/// Noise balls: squared distance measured, predicted and bounded, by step.
TextTable ball_table(const ConvexComparison& comparison);

/// Every recorded point of every curve, all digits.
TextTable curve_table(const ConvexComparison& comparison);

/// "1.2e-05", "0.31": three digits that a reader can compare.
std::string short_number(double value);

}  // namespace expunge
