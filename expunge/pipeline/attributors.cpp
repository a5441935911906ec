#include "expunge/pipeline/attributors.h"

#include "expunge/attribution/carried_effects.h"
#include "expunge/attribution/ekfac.h"
#include "expunge/attribution/lasso_datamodels.h"
#include "expunge/attribution/make_attributor.h"
#include "expunge/attribution/multiplier.h"
#include "expunge/attribution/penalty_json.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/attribution/trak.h"
#include "expunge/pipeline/network_kernel.h"

namespace expunge {
namespace {

using Json = nlohmann::ordered_json;

// What a fit to subset models found.
Json record_of(const SubsetDatamodels& datamodels, const char* estimator) {
  const auto& choice = datamodels.lambda_choice();
  return {{"estimator", estimator},
          {"lambda", choice.lambda},
          {"lambda_ratio", choice.ratio},
          {"held_out_error", curve_json(choice.curve)}};
}

Json record_of(const LassoDatamodels& datamodels) {
  const auto targets = static_cast<double>(datamodels.points() * datamodels.classes());
  return {{"estimator", "subset datamodels, LASSO"},
          {"median_lambda", datamodels.lambdas().median().item<double>()},
          {"effects_a_target", static_cast<double>(datamodels.count()) / targets},
          {"held_out_error", curve_json(datamodels.curve())}};
}

Json record_of(const Attributor& attributor) {
  if (const auto* carried = dynamic_cast<const CarriedDatamodels*>(&attributor)) {
    return record_of(carried->datamodels(),
                     "subset datamodels, ridge, carried over by the tangent kernel");
  }
  if (const auto* lasso = dynamic_cast<const LassoDatamodels*>(&attributor))
    return record_of(*lasso);
  return record_of(dynamic_cast<const SubsetDatamodels&>(attributor), "subset datamodels, ridge");
}

FittedAttributor fit_datamodels(const Experiment& experiment, const EnsembleStore& subset,
                                const AttributionOptions& options) {
  const auto carried = carried_effects_for(experiment, options.estimator);
  auto attributor =
      make_attributor(options, subset.masks(), subset.logits(), carried ? &*carried : nullptr,
                      experiment.workers(), experiment.progress());
  auto record = record_of(*attributor);
  return {std::move(attributor), std::move(record)};
}

FittedAttributor fit_gradients(const Experiment& experiment, const EnsembleStore& subset,
                               const AttributionOptions& options) {
  const auto models = full_models(experiment);
  const bool trak = options.estimator == Estimator::trak;
  std::unique_ptr<GradientAttributor> gradients;
  if (trak) {
    gradients =
        std::make_unique<Trak>(models, experiment.problem(), options.trak, experiment.workers());
  } else {
    gradients = std::make_unique<EkfacInfluence>(models, experiment.problem(), options.ekfac,
                                                 experiment.workers());
  }
  const auto multiplier = fit_multiplier(*gradients, subset.masks(), subset.logits());
  Json record = {{"estimator", trak ? "TRAK" : "EK-FAC influence"},
                 {"multiplier", multiplier.value},
                 {"multiplier_standard_error", multiplier.standard_error},
                 {"multiplier_models", multiplier.models},
                 {"explained_variance", multiplier.explained}};
  return {std::make_unique<ScaledAttributor>(std::move(gradients), multiplier.value),
          std::move(record)};
}

}  // namespace

TrainedModels full_models(const Experiment& experiment) {
  const auto full = std::make_shared<EnsembleStore>(experiment.open_store("full", "train"));
  return {full->description().models, [full](int64_t row) {
            auto network = std::move(full->model(row).network);
            auto& layered = require_layers(*network, "attribution by gradients");
            [[maybe_unused]] const auto* owned = network.release();
            return std::unique_ptr<LayeredNetwork>(&layered);
          }};
}

FittedAttributor fit_attributor(const Experiment& experiment, const EnsembleStore& subset,
                                const AttributionOptions& options) {
  const bool by_gradients =
      options.estimator == Estimator::trak || options.estimator == Estimator::ekfac;
  return by_gradients ? fit_gradients(experiment, subset, options)
                      : fit_datamodels(experiment, subset, options);
}

}  // namespace expunge
