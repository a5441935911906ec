// An estimator of removal shifts, fitted to what an experiment has trained.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>  // IWYU pragma: keep

#include "expunge/attribution/gradient_attributor.h"
#include "expunge/pipeline/experiment.h"

namespace expunge {

struct FittedAttributor {
  std::unique_ptr<Attributor> attributor;
  nlohmann::ordered_json record;  // estimator, options, and what was found: penalty or multiplier
};

/// The experiment's full models, loaded one at a time; InputError names the command that makes them if
/// they are not there.
TrainedModels full_models(const Experiment& experiment);

/// Ridge and LASSO are fitted to the subset models (carried: beside the full models' tangent kernel).
/// TRAK and EK-FAC take gradients of the full models, and the subset models tell the multiplier of their
/// shifts (multiplier.h). Throws what these throw.
FittedAttributor fit_attributor(const Experiment& experiment, const EnsembleStore& subset,
                                const AttributionOptions& options);

}  // namespace expunge
