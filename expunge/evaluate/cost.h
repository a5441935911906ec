// Compute accounting, in a unit that neither the machine nor the implementation changes.
//
// The unit is one sample gradient: a forward and a backward pass over one example. A backward pass
// does two matrix products for each one of the forward pass (gradient by inputs and by weights), so
// that a forward pass alone counts 1/3 and a backward pass alone 2/3. Work that passes over no
// example (factorisations, the ridge's products) is not counted: it is reported in seconds.
#pragma once

#include <cstdint>
#include <optional>

namespace expunge {

struct Cost {
  double sample_gradients = 0;

  Cost& operator+=(const Cost& other) {
    sample_gradients += other.sample_gradients;
    return *this;
  }
  friend Cost operator+(Cost a, const Cost& b) { return a += b; }
};

/// Forward passes over `examples` examples, nothing else: examples / 3. All four functions throw
/// Error for a negative number.
Cost cost_of_forward(double examples);

/// `passes` backward passes over `examples` examples, whose forward pass is counted apart:
/// 2 passes examples / 3.
Cost cost_of_backward(double examples, double passes = 1);

/// Forward and backward over `examples` examples: training counts epochs x examples.
Cost cost_of_gradients(double examples);

/// Cost as a share of one training that takes `training_sample_gradients` > 0 sample gradients
/// (epochs x |S|): 0.05 is 5% of a training.
double share_of_training(const Cost& cost, double training_sample_gradients);

/// The least number R of requests after which an ensemble of subset models has paid, against
/// training anew for each request:
///   ensemble_trainings + R per_request_share <= R, so R = ceil(E / (1 - s)),
/// both in trainings of one model. Empty if it never pays: a request costs a training or more.
/// E / (1 - s) within 1e-9 (relative) of a whole number counts as that number.
std::optional<int64_t> requests_to_pay_off(double ensemble_trainings, double per_request_share);

}  // namespace expunge
