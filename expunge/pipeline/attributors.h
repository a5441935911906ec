// An estimator of removal shifts, fitted to what an experiment has trained.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>

#include "expunge/attribution/attributor.h"
#include "expunge/pipeline/experiment.h"

namespace expunge {

struct FittedAttributor {
  std::unique_ptr<Attributor> attributor;
  nlohmann::ordered_json record;  // estimator, options, and what was found: penalty or multiplier
};

/// Ridge and LASSO are fitted to the subset models (carried: beside the full models' tangent kernel).
/// TRAK and EK-FAC take gradients of the experiment's
/// full models, and the subset models tell the multiplier of their shifts (multiplier.h). Throws what
/// these throw; InputError names the command that makes the full models if they are not there.
FittedAttributor fit_attributor(const Experiment& experiment, const EnsembleStore& subset,
                                const AttributionOptions& options);

}  // namespace expunge
