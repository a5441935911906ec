#include "expunge/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "expunge/core/error.h"
#include "expunge/core/kept_memory.h"
#include "expunge/core/random.h"
#include "expunge/train/loss.h"
#include "expunge/train/optimiser.h"

namespace expunge {

void gather_rows(const torch::Tensor& inputs, std::span<const int64_t> indices,
                 torch::Tensor& batch) {
  const auto rows = static_cast<int64_t>(indices.size());
  if (!inputs.is_cpu()) {
    const auto index = torch::empty({rows}, torch::kInt64);
    std::copy(indices.begin(), indices.end(), index.data_ptr<int64_t>());
    batch = inputs.index_select(0, index.to(inputs.device()));
    if (inputs.dim() == 4) batch = batch.contiguous(inputs.suggest_memory_format());
    return;
  }
  if (!batch.defined() || batch.size(0) != rows) {
    auto shape = inputs.sizes().vec();
    shape[0] = rows;
    const auto format =
        inputs.dim() == 4 ? inputs.suggest_memory_format() : at::MemoryFormat::Contiguous;
    batch = torch::empty(shape, inputs.options().memory_format(format));
  }
  const size_t row_bytes = static_cast<size_t>(inputs.stride(0)) * inputs.element_size();
  const auto* from = static_cast<const char*>(inputs.data_ptr());
  auto* to = static_cast<char*>(batch.data_ptr());
  for (const int64_t index : indices) {
    std::memcpy(to, from + static_cast<size_t>(index) * row_bytes, row_bytes);
    to += row_bytes;
  }
}

void train_network(Network& network, const TrainingData& data, std::span<const int64_t> members,
                   const Recipe& recipe, uint64_t seed) {
  recipe.validate();
  const auto n = static_cast<int64_t>(members.size());
  if (n == 0) fail<InputError>("at least one training example required, got none");
  const int64_t per_epoch = (n + recipe.batch_size - 1) / recipe.batch_size;
  const int64_t steps = per_epoch * recipe.epochs;
  const auto inputs =
      data.inputs.to(network.parameters().device(), network.parameters().scalar_type());

  const KeptMemory memory;
  torch::Tensor parameters = network.parameters();
  Optimiser optimiser(recipe.optimiser, parameters);
  std::vector<int64_t> batch_members;
  torch::Tensor batch;
  torch::Tensor labels;
  torch::Tensor logit_gradient;
  int64_t step = 0;
  for (int64_t epoch = 0; epoch < recipe.epochs; ++epoch) {
    CounterRng rng(derive_seed(seed, "epoch", static_cast<uint64_t>(epoch)));
    const auto order = rng.permutation(n);
    for (int64_t begin = 0; begin < n; begin += recipe.batch_size, ++step) {
      const int64_t end = std::min(n, begin + recipe.batch_size);
      batch_members.clear();
      for (int64_t k = begin; k < end; ++k) batch_members.push_back(members[order[k]]);
      gather_rows(inputs, batch_members, batch);
      gather_rows(data.labels, batch_members, labels);

      const auto logits = network.forward(batch, Mode::train);
      if (!logit_gradient.defined() || logit_gradient.size(0) != logits.size(0)) {
        logit_gradient = torch::empty_like(logits);
      }
      const double loss = cross_entropy(logits, labels, logit_gradient);
      if (!std::isfinite(loss))
        fail<NonFiniteError>("training diverged: loss {} at step {} of {}", loss, step, steps);
      network.backward(logit_gradient);
      optimiser.step(parameters, network.gradient(), learning_rate(recipe.schedule, step, steps));
    }
  }
}

}  // namespace expunge
