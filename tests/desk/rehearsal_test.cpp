#include "expunge/desk/rehearsal.h"

#include "desk/tiny_desk.h"
#include "expunge/desk/removal.h"
#include "report/markup_check.h"

namespace expunge::desk {
namespace {

class RehearsalTest : public TinyDesk {
 protected:
  RehearsalTest() {
    put_file(folder_ / "pair.txt", "57\n58\n");
    put_file(folder_ / "late.txt", "57\n58\n59\n12\n");
  }
  static RehearsalOptions quick() {
    RehearsalOptions options;
    options.removal.resamples = 20;
    return options;
  }
};

TEST_F(RehearsalTest, MeasuresEveryWayWhereThereAreOracles) {
  const auto made = experiment_of(desk_config());
  made.train();
  auto options = quick();
  options.removal.hold = Hold::newest;
  const auto result = rehearse(made, options);
  ASSERT_EQ(result.requests.size(), 2U);
  EXPECT_EQ(result.models, 20);
  EXPECT_EQ(result.oracles, 4);
  EXPECT_EQ(result.requests[0].size, 2);
  EXPECT_EQ(result.requests[1].removed, 4);
  for (const auto& request : result.requests) {
    ASSERT_EQ(request.ways.size(), 4U);
    EXPECT_TRUE(request.floor);
    EXPECT_GT(request.ways[0].work, 0);
    EXPECT_EQ(request.ways[2].way, "prediction");
  }
  // Of the first request: its own group, retained, validation. Of the second: both requests', and these.
  EXPECT_EQ(result.coverage.size(), 7U);
  EXPECT_GT(result.requests[1].ways[0].work, result.requests[0].ways[0].work);
  EXPECT_EQ(read_markup(SvgCanvas::file(rehearsal_pictures(result), 2, "rehearsal")).problem, "");
  EXPECT_EQ(rehearsal_table(result).rows().size(), 10U);
  EXPECT_EQ(coverage_table(result).rows().size(), 7U);
}

TEST_F(RehearsalTest, RefusesSetsThatDoNotGrowAndMissingOracles) {
  const auto made = experiment_of(desk_config());
  made.train_store(made.subset_spec());
  made.train_store(made.full_spec());
  EXPECT_SAYS(message_of<InputError>([&] { rehearse(made, quick()); }), "finished oracles");
  put_file(folder_ / "late.txt", "12\n58\n59\n");
  const auto other = experiment_of(desk_config(), "other");
  EXPECT_SAYS(message_of<InputError>([&] { rehearse(other, quick()); }), "holds the one before");
}

// Targets are the original model's logits plus the shift of the union, whatever the network has become meanwhile.
TEST_F(RehearsalTest, MatchingReachesTheUnionsTargetsFromANetworkThatHasDrifted) {
  const auto made = experiment_of(desk_config());
  made.train_store(made.subset_spec());
  made.train_store(made.full_spec());
  const auto fitted = fit_evidence(made, 0);
  const std::vector<int64_t> before = {3, 17}, now = {40};
  const auto shift = fitted.attributor.shift(std::vector<int64_t>{3, 17, 40});
  auto network = std::move(made.open_store("full", "train").model(0).network);
  network->parameters().mul_(1.05);
  const auto live = live_problem(made.data(), made.problem().normalisation, before);
  for (const Hold hold : {Hold::newest, Hold::original, Hold::predicted}) {
    const auto copy = network->clone();
    match_removal(*copy, live, now, fitted.evidence.original_logits, shift, {}, hold, 1);
    const auto logits = evaluate_logits(*copy, made.problem().inputs);
    const auto target = fitted.evidence.original_logits + shift;
    const auto drifted = evaluate_logits(*network, made.problem().inputs);
    EXPECT_LT((logits[40] - target[40]).norm().item<double>(),
              0.5 * (drifted[40] - target[40]).norm().item<double>());
    const auto distance = [&](const torch::Tensor& a) {
      return (a - fitted.evidence.original_logits).narrow(0, 20, 20).norm().item<double>();
    };
    if (hold != Hold::original) continue;
    EXPECT_LT(distance(logits), distance(drifted));
  }
}

}  // namespace
}  // namespace expunge::desk
