// Trains one network after another on a CUDA device, with memory and CUDA graphs of its own.
// Internal; in builds with CUDA only.
#pragma once

#include <memory>
#include <span>

#include "expunge/train/graph_plan.h"
#include "expunge/train/recipe.h"

namespace expunge {

class GraphLane {
 public:
  /// The plan's memory is allocated here. `data` must outlive the lane.
  GraphLane(std::unique_ptr<TrainingPlan> plan, const ResidentData& data, const Recipe& recipe);
  ~GraphLane();
  GraphLane(const GraphLane&) = delete;
  GraphLane& operator=(const GraphLane&) = delete;

  /// As train_network(); the network is on the data's device. Returns when it is trained.
  void train(LayeredNetwork& network, std::span<const int64_t> members, uint64_t seed);
  /// Captures what training on `examples` examples takes, so that its memory is in use.
  void prepare(int64_t examples);

 private:
  class Graph;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace expunge
