#include "expunge/train/optimiser.h"

#include <cmath>

#include "expunge/core/error.h"
#include "expunge/core/simd.h"

namespace expunge {
namespace {

template <class T>
struct SgdFactors {
  T learning_rate, momentum, weight_decay, gradient_share;
};

template <class T>
struct AdamFactors {
  T learning_rate, beta1, beta2, epsilon, coupled_decay, decoupled_decay, correction1, correction2;
};

// w -= lr (share d + momentum v'), v' = momentum v + d, d = g + decay w: share 1 is Nesterov's
// form, and share 0 with the factor on v' set to 1 is plain momentum.
template <class T>
[[gnu::always_inline]] inline void sgd_loop(T* __restrict w, const T* __restrict g, T* __restrict v,
                                            int64_t n, SgdFactors<T> f, T momentum_share) {
  for (int64_t i = 0; i < n; ++i) {
    const T d = g[i] + f.weight_decay * w[i];
    const T moved = f.momentum * v[i] + d;
    v[i] = moved;
    w[i] -= f.learning_rate * (f.gradient_share * d + momentum_share * moved);
  }
}

template <class T>
[[gnu::always_inline]] inline void adam_loop(T* __restrict w, const T* __restrict g,
                                             T* __restrict m, T* __restrict s, int64_t n,
                                             AdamFactors<T> f) {
  for (int64_t i = 0; i < n; ++i) {
    const T d = g[i] + f.coupled_decay * w[i];
    m[i] = f.beta1 * m[i] + (1 - f.beta1) * d;
    s[i] = f.beta2 * s[i] + (1 - f.beta2) * d * d;
    const T direction = (m[i] * f.correction1) / (std::sqrt(s[i] * f.correction2) + f.epsilon);
    w[i] -= f.learning_rate * (direction + f.decoupled_decay * w[i]);
  }
}

EXPUNGE_VECTOR_CLONES void sgd_f32(float* w, const float* g, float* v, int64_t n,
                                   SgdFactors<float> f, float share) {
  sgd_loop(w, g, v, n, f, share);
}
EXPUNGE_VECTOR_CLONES void adam_f32(float* w, const float* g, float* m, float* s, int64_t n,
                                    AdamFactors<float> f) {
  adam_loop(w, g, m, s, n, f);
}

template <class T>
void sgd_step(const OptimiserOptions& o, torch::Tensor& w, const torch::Tensor& g, torch::Tensor& v,
              double rate) {
  const SgdFactors<T> f{static_cast<T>(rate), static_cast<T>(o.momentum),
                        static_cast<T>(o.weight_decay), o.nesterov ? T(1) : T(0)};
  const T share = o.nesterov ? static_cast<T>(o.momentum) : T(1);
  if constexpr (std::is_same_v<T, float>) {
    sgd_f32(w.data_ptr<T>(), g.data_ptr<T>(), v.data_ptr<T>(), w.numel(), f, share);
  } else {
    sgd_loop(w.data_ptr<T>(), g.data_ptr<T>(), v.data_ptr<T>(), w.numel(), f, share);
  }
}

template <class T>
void adam_step(const OptimiserOptions& o, torch::Tensor& w, const torch::Tensor& g,
               torch::Tensor& m, torch::Tensor& s, double rate, int64_t steps) {
  const bool decoupled = o.kind == OptimiserKind::adamw;
  const double t = static_cast<double>(steps);
  const AdamFactors<T> f{static_cast<T>(rate),
                         static_cast<T>(o.beta1),
                         static_cast<T>(o.beta2),
                         static_cast<T>(o.epsilon),
                         decoupled ? T(0) : static_cast<T>(o.weight_decay),
                         decoupled ? static_cast<T>(o.weight_decay) : T(0),
                         static_cast<T>(1 / (1 - std::pow(o.beta1, t))),
                         static_cast<T>(1 / (1 - std::pow(o.beta2, t)))};
  if constexpr (std::is_same_v<T, float>) {
    adam_f32(w.data_ptr<T>(), g.data_ptr<T>(), m.data_ptr<T>(), s.data_ptr<T>(), w.numel(), f);
  } else {
    adam_loop(w.data_ptr<T>(), g.data_ptr<T>(), m.data_ptr<T>(), s.data_ptr<T>(), w.numel(), f);
  }
}

}  // namespace

namespace {

// The same formulas by LibTorch's operators, wherever the parameters are.
void step_anywhere(const OptimiserOptions& o, torch::Tensor& w, const torch::Tensor& g,
                   torch::Tensor& first, torch::Tensor& second, double rate, int64_t steps) {
  const bool decoupled = o.kind == OptimiserKind::adamw;
  const auto d = decoupled ? g : at::add(g, w, o.weight_decay);
  if (o.kind == OptimiserKind::sgd) {
    first.mul_(o.momentum).add_(d);
    w.sub_(o.nesterov ? at::add(d, first, o.momentum) : first, rate);
    return;
  }
  const auto t = static_cast<double>(steps);
  first.mul_(o.beta1).add_(d, 1 - o.beta1);
  second.mul_(o.beta2).addcmul_(d, d, 1 - o.beta2);
  auto direction = (first / (1 - std::pow(o.beta1, t)))
                       .div_((second / (1 - std::pow(o.beta2, t))).sqrt_().add_(o.epsilon));
  if (decoupled) direction.add_(w, o.weight_decay);
  w.sub_(direction, rate);
}

}  // namespace

Optimiser::Optimiser(const OptimiserOptions& options, const torch::Tensor& parameters)
    : options_(options) {
  options.validate();
  first_ = torch::zeros_like(parameters);
  if (options.kind != OptimiserKind::sgd) second_ = torch::zeros_like(parameters);
}

void Optimiser::step(torch::Tensor& parameters, const torch::Tensor& gradient,
                     double learning_rate) {
  if (parameters.numel() != first_.numel() || gradient.numel() != first_.numel()) {
    fail("optimiser: {} parameters required, got {} and a gradient of {}", first_.numel(),
         parameters.numel(), gradient.numel());
  }
  ++steps_;
  if (!parameters.is_cpu())
    return step_anywhere(options_, parameters, gradient, first_, second_, learning_rate, steps_);
  const bool is_double = parameters.scalar_type() == torch::kFloat64;
  if (options_.kind == OptimiserKind::sgd) {
    is_double ? sgd_step<double>(options_, parameters, gradient, first_, learning_rate)
              : sgd_step<float>(options_, parameters, gradient, first_, learning_rate);
  } else {
    is_double
        ? adam_step<double>(options_, parameters, gradient, first_, second_, learning_rate, steps_)
        : adam_step<float>(options_, parameters, gradient, first_, second_, learning_rate, steps_);
  }
}

}  // namespace expunge
