#include "expunge/pipeline/attributors.h"

#include "expunge/attribution/carried_effects.h"
#include "expunge/attribution/ekfac.h"
#include "expunge/attribution/lasso_datamodels.h"
#include "expunge/attribution/multiplier.h"
#include "expunge/attribution/penalty_json.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/attribution/trak.h"
#include "expunge/pipeline/network_kernel.h"

namespace expunge {
namespace {

using Json = nlohmann::ordered_json;

FittedAttributor fit_ridge(const Experiment& experiment, const EnsembleStore& subset,
                           RidgeOptions options, bool carried) {
  options.workers = experiment.workers();
  auto datamodels = SubsetDatamodels::fit(subset.masks(), subset.logits(), options);
  Json record = {
      {"estimator", carried ? "subset datamodels, ridge, carried over by the tangent kernel"
                            : "subset datamodels, ridge"},
      {"lambda", datamodels.lambda_choice().lambda},
      {"lambda_ratio", datamodels.lambda_choice().ratio},
      {"held_out_error", curve_json(datamodels.lambda_choice().curve)}};
  if (!carried)
    return {std::make_unique<SubsetDatamodels>(std::move(datamodels)), std::move(record)};
  return {std::make_unique<CarriedDatamodels>(std::move(datamodels),
                                              CarriedEffects::fit(network_kernel(experiment))),
          std::move(record)};
}

FittedAttributor fit_lasso(const Experiment& experiment, const EnsembleStore& subset,
                           LassoOptions options) {
  options.workers = experiment.workers();
  auto datamodels = std::make_unique<LassoDatamodels>(
      LassoDatamodels::fit(subset.masks(), subset.logits(), options));
  const auto targets = static_cast<double>(datamodels->points() * datamodels->classes());
  Json record = {{"estimator", "subset datamodels, LASSO"},
                 {"median_lambda", datamodels->lambdas().median().item<double>()},
                 {"effects_a_target", static_cast<double>(datamodels->count()) / targets},
                 {"held_out_error", curve_json(datamodels->curve())}};
  return {std::move(datamodels), std::move(record)};
}

FittedAttributor fit_gradients(const Experiment& experiment, const EnsembleStore& subset,
                               const AttributionOptions& options) {
  const auto full = std::make_shared<EnsembleStore>(experiment.open_store("full", "train"));
  const TrainedModels models{full->description().models,
                             [full](int64_t row) { return std::move(full->model(row).network); }};
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

FittedAttributor fit_attributor(const Experiment& experiment, const EnsembleStore& subset,
                                const AttributionOptions& options) {
  FittedAttributor fitted;
  switch (options.estimator) {
    case Estimator::ridge:
    case Estimator::carried:
      fitted =
          fit_ridge(experiment, subset, options.ridge, options.estimator == Estimator::carried);
      break;
    case Estimator::lasso:
      fitted = fit_lasso(experiment, subset, options.lasso);
      break;
    case Estimator::trak:
    case Estimator::ekfac:
      fitted = fit_gradients(experiment, subset, options);
      break;
  }
  return fitted;
}

}  // namespace expunge
