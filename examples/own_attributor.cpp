// An attributor of one's own, beside the built-in one: docs/own-attributor.md.
//
// usage: own_attributor FOLDER [FASHION_MNIST]    trains about 340 small models into FOLDER
#include <expunge/attribution/subset_datamodels.h>
#include <expunge/core/error.h>
#include <expunge/data/forget_set.h>
#include <expunge/data/load.h>
#include <expunge/evaluate/group_summary.h>
#include <expunge/evaluate/margins.h>
#include <expunge/train/ensemble.h>
#include <expunge/unlearn/target_matching.h>

#include <cstdio>
#include <filesystem>

using namespace expunge;
using torch::Tensor;

// What a forgotten example loses is what its presence gave it: the mean of its logits over the models
// that did not see it, less the mean over those that did (the memorisation estimate of Feldman and
// Zhang, arXiv 2008.03703). All other points are predicted to stay as they are.
class InOutDifferences final : public Attributor {
 public:
  InOutDifferences(Tensor masks, Tensor logits)  // (N, n) bool, (N, m, C) float32
      : masks_(std::move(masks)), logits_(std::move(logits)) {}

  Tensor removal_shifts(std::span<const std::vector<int64_t>> removals) const override {
    const int64_t sets = static_cast<int64_t>(removals.size());
    auto shifts = torch::zeros({sets, logits_.size(1), logits_.size(2)});
    for (int64_t k = 0; k < sets; ++k) {
      check_forget_set(removals[k], masks_.size(1), "removal set");
      for (const int64_t j : removals[k]) {
        const auto saw = masks_.select(1, j).to(torch::kFloat32);  // (N)
        const auto z = logits_.select(1, j);                       // (N, C)
        const auto with = saw.matmul(z) / saw.sum();
        const auto without = (1 - saw).matmul(z) / (1 - saw).sum();
        shifts[k][j] = without - with;
      }
    }
    return shifts;
  }

 private:
  Tensor masks_, logits_;
};

static void run(const std::filesystem::path& folder, const std::string& data) {
  // S: 500 images; F: 14 of them. A small network, so that all takes seconds.
  const auto split = load_data({.path = data, .train_examples = 500, .validation_examples = 200});
  const auto problem = make_problem(split);
  Recipe recipe;
  recipe.network.hidden = {32};
  const std::vector<int64_t> forget = {3, 14, 15, 92, 65, 35, 89, 79, 323, 84, 62, 264, 338, 327};

  const auto train = [&](const char* name, int64_t models, const std::optional<MaskOptions>& masks,
                         const std::vector<int64_t>& excluded, bool weights) {
    const EnsembleSpec spec{
        .name = name, .models = models, .masks = masks, .excluded = excluded, .weights = weights};
    return train_ensemble(folder / name, spec, recipe, problem);
  };
  const auto subset = train("subset", 100, MaskOptions{}, {}, false);
  const auto full = train("full", 80, {}, {}, true);
  const auto oracles = train("oracle", 160, {}, forget, false);
  const auto oracle_margins = margins(oracles.logits(), problem.labels);
  const auto judges = oracle_margins.narrow(0, 0, 80);

  const auto report = [&](const char* method, const Tensor& method_margins) {
    const auto klom =
        summarise_klom(method_margins, judges, problem.n(), forget, {}, {.resamples = 0});
    std::printf("%-38s %6.2f %6.2f %6.2f\n", method, klom.forget.p95, klom.retain.p95,
                klom.validation.p95);
  };
  std::printf("KLoM, P95 in nats over             forgotten   kept    new\n");
  report("do nothing", margins(full.logits(), problem.labels));
  report("retraining (the floor)", oracle_margins.narrow(0, 80, 80));

  const auto compare = [&](const std::string& name, const Attributor& attributor) {
    const auto shift = attributor.removal_shifts({{forget}})[0];  // (m, C)
    report((name + ", dm-direct").c_str(), shifted_margins(full.logits(), shift, problem.labels));
    std::vector<Tensor> unlearned;
    for (int64_t i = 0; i < 80; ++i) {
      const auto network = full.model(i).network;
      TargetMatching({}).unlearn(
          *network, {problem, forget, full.logits()[i] + shift, static_cast<uint64_t>(i)});
      unlearned.push_back(evaluate_logits(*network, problem.inputs));
    }
    report((name + ", DMM").c_str(), margins(torch::stack(unlearned), problem.labels));
  };
  compare("in-out differences", InOutDifferences(subset.masks(), subset.logits()));
  compare("built in", SubsetDatamodels::fit(subset.masks(), subset.logits()));
}

int main(int count, char** words) try {
  if (count < 2) throw InputError("usage: own_attributor FOLDER [FASHION_MNIST]");
  run(words[1], count > 2 ? words[2] : DataOptions{}.path);
} catch (const std::exception& error) {
  std::fprintf(stderr, "own_attributor: %s\n", error.what());
  return 1;
}
