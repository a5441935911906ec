// Which class models predict for a point.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace expunge {

struct Favourite {
  int64_t label = 0;  // the class that most models predict; of equal ones the lowest
  int64_t votes = 0;  // how many do
  int64_t of = 0;     // models asked
  int64_t agree = 0;  // how many predict the class asked about
};

/// A model predicts the class with its largest logit, of equal ones the lowest. logits (N, m, C)
/// float16 or float32; models (N) bool, those that are asked, at least one; point in [0, m); `label`
/// in [0, C): the class that `agree` counts. InputError for anything else; NonFiniteError names the
/// model.
Favourite favourite_class(const torch::Tensor& logits, const torch::Tensor& models, int64_t point,
                          int64_t label);

}  // namespace expunge
