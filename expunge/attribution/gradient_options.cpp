#include "expunge/attribution/gradient_options.h"

#include <cmath>

namespace expunge {
namespace {

void require_models(int64_t models, const char* name) {
  require_option(models >= 1, name, "at least 1", static_cast<double>(models));
}

void require_damp(double damp, const char* name) {
  require_option(damp > 0 && std::isfinite(damp), name, "a number above 0", damp);
}

}  // namespace

void TrakOptions::validate() const {
  require_models(models, "trak_models");
  require_option(dimensions >= 1 && dimensions <= 65536, "trak_dimensions", "from 1 to 65536",
                 static_cast<double>(dimensions));
  require_damp(damp, "trak_damp");
}

OptionGroup options_of(TrakOptions& o) {
  OptionGroup group("attribution", "TRAK");
  group
      .add("trak_models", o.models, "full models whose gradients are taken (all, if fewer)",
           "models")
      .add("trak_dimensions", o.dimensions, "dimensions that gradients are projected to")
      .add("trak_damp", o.damp, "damping of their second moment, as a share of its mean")
      .add("trak_seed", o.seed, "of the projections");
  return group;
}

void EkfacOptions::validate() const {
  require_models(models, "ekfac_models");
  require_damp(damp, "ekfac_damp");
}

OptionGroup options_of(EkfacOptions& o) {
  OptionGroup group("attribution", "EK-FAC influence");
  group
      .add("ekfac_models", o.models, "full models whose gradients are taken (all, if fewer)",
           "models")
      .add("ekfac_damp", o.damp, "damping of each layer's curvature, as a share of its mean")
      .add("ekfac_labels", o.labels, {{"drawn", FisherLabels::drawn}, {"all", FisherLabels::all}},
           "labels that the curvature is estimated by: one drawn for each example, or every class")
      .add("ekfac_seed", o.seed, "of drawn labels");
  return group;
}

}  // namespace expunge
