#include "expunge/desk/evidence.h"

#include "desk/tiny_desk.h"
#include "expunge/attribution/make_attributor.h"
#include "expunge/data/npy_pair.h"

namespace expunge::desk {
namespace {

class EvidenceTest : public TinyDesk {
 protected:
  static torch::Tensor shift_in(const std::filesystem::path& folder, std::vector<int64_t> removal) {
    const Desk desk(folder);
    const auto evidence = read_evidence(desk.folder());
    return read_attributor(desk.folder(), evidence, desk.config().attribution, 1).shift(removal);
  }
};

TEST_F(EvidenceTest, ShiftsAreThoseOfTheExperimentsAttributor) {
  for (const std::string attribution : {"estimator = \"ridge\"\nprior = \"adaptive\"",
                                        "estimator = \"carried\"\nprior = \"local\""}) {
    const bool carried = attribution.find("carried") != std::string::npos;
    const auto folder = make(carried ? "carried" : "ridge", tiny_options(), attribution);
    const auto subset = EnsembleStore::open(folder_ / "out" / "subset");
    const Desk desk(folder);
    std::optional<CarriedEffects> effects;
    if (carried) effects = CarriedEffects::fit(read_npy(folder_ / "out" / "kernel.npy"));
    const std::vector<int64_t> removal = {3, 17, 40};
    const auto expected = make_attributor(desk.config().attribution, subset.masks(),
                                          subset.logits(), carried ? &*effects : nullptr, 1)
                              ->removal_shifts(std::span(&removal, 1))[0];
    EXPECT_TRUE(shift_in(folder, removal).equal(expected)) << attribution;
    std::filesystem::remove_all(folder_ / "out");
  }
}

TEST_F(EvidenceTest, ErasedExamplesAreGoneAndShiftsElsewhereStay) {
  const auto folder = make("desk", tiny_options(), "estimator = \"carried\"\nprior = \"local\"");
  const std::vector<int64_t> gone = {5, 30};
  const std::vector<int64_t> removal = {5, 12, 30};
  const auto before = shift_in(folder, removal);
  const auto image = read_npy(folder / "data/train_images.npy")[30].contiguous();
  const std::string pixels(static_cast<const char*>(image.data_ptr()),
                           static_cast<size_t>(image.numel()));
  const auto holds = [&] {
    return std::any_of(std::filesystem::recursive_directory_iterator(folder),
                       std::filesystem::recursive_directory_iterator(), [&](const auto& entry) {
                         return entry.is_regular_file() &&
                                read_file(entry.path()).find(pixels) != std::string::npos;
                       });
  };
  const DeskFolder desk(folder);
  EXPECT_TRUE(holds());
  EXPECT_EQ(find_unerased(desk, gone), 5);
  erase_examples(desk, gone);
  EXPECT_FALSE(holds());
  EXPECT_FALSE(find_unerased(desk, gone));
  EXPECT_TRUE(find_unerased(desk, std::vector<int64_t>{6}));
  for (const char* file : {"subset_logits", "full_logits", "held_out"}) {
    const auto array = read_npy(folder / "evidence" / (std::string(file) + ".npy"));
    EXPECT_EQ(array.select(1, 30).ne(0).sum().item<int64_t>(), 0) << file;
    EXPECT_GT(array.select(1, 29).ne(0).sum().item<int64_t>(), 0) << file;
  }
  const auto after = shift_in(folder, removal);
  for (int64_t j = 0; j < points; ++j) {
    if (j == 5 || j == 30) continue;
    EXPECT_TRUE(after[j].equal(before[j])) << j;
  }
  erase_examples(desk, gone);
  EXPECT_FALSE(find_unerased(desk, gone));
}

TEST_F(EvidenceTest, ALiveProblemHasNoRowOfWhatIsRemoved) {
  auto data = DataSplit{tiny_dataset(n, 1, 1, 6), tiny_dataset(30, 2, 1, 6)};
  const auto normalisation = normalisation_of(data.train);
  const std::vector<int64_t> removed = {0, 7, 59};
  const auto live = live_problem(data, normalisation, removed);
  EXPECT_EQ(live.problem.n(), n - 3);
  EXPECT_EQ(live.problem.m(), points - 3);
  EXPECT_EQ(live.places(std::vector<int64_t>{1, 8, 58}), (std::vector<int64_t>{0, 6, 56}));
  EXPECT_SAYS(
      message_of<InputError>([&] { static_cast<void>(live.places(std::vector<int64_t>{7})); }),
      "example 7");
  const auto whole = make_problem(data);
  EXPECT_TRUE(live.problem.inputs[6].equal(whole.inputs[8]));
  EXPECT_EQ(live.problem.labels[6].item<int64_t>(), whole.labels[8].item<int64_t>());
  EXPECT_TRUE(live.problem.inputs[57].equal(whole.inputs[60]));
  EXPECT_TRUE(live.rows_of(torch::arange(points), 0).equal(torch::tensor(live.points)));
  EXPECT_EQ(live.rows_of(torch::arange(n), 0).size(0), n - 3);
  // Whatever stands where removed examples were.
  data.train.images.index_fill_(0, torch::tensor(removed), 77);
  data.train.labels.index_fill_(0, torch::tensor(removed), 2);
  const auto poisoned = live_problem(data, normalisation, removed);
  EXPECT_TRUE(poisoned.problem.inputs.equal(live.problem.inputs));
  EXPECT_TRUE(poisoned.problem.labels.equal(live.problem.labels));
}

TEST_F(EvidenceTest, RefusesWhatDoesNotFit) {
  const auto folder = make("desk");
  const auto refused = [&](const std::string& file, const torch::Tensor& array) {
    const auto path = folder / "evidence" / file;
    const auto whole = read_file(path);
    write_npy(path, array);
    const auto message = message_of<InputError>([&] { read_evidence(DeskFolder(folder)); });
    put_file(path, whole);
    return message;
  };
  EXPECT_SAYS(refused("masks.npy", torch::ones({20, 60})), "masks.npy");
  EXPECT_SAYS(refused("subset_logits.npy", torch::ones({19, points, 3})), "subset_logits.npy");
  EXPECT_SAYS(refused("full_logits.npy", torch::ones({20, points - 1, 3})), "full_logits.npy");
  EXPECT_SAYS(refused("held_out.npy", torch::ones({20, 3})), "held_out.npy");
  EXPECT_SAYS(refused("original_logits.npy", torch::ones({points, 4})), "original_logits.npy");
  put_file(folder / "evidence/held_out.npy",
           read_file(folder / "evidence/held_out.npy").substr(0, 200));
  EXPECT_THROW(read_evidence(DeskFolder(folder)), InputError);
  std::filesystem::remove(folder / "evidence/masks.npy");
  EXPECT_SAYS(message_of<InputError>([&] { read_evidence(DeskFolder(folder)); }), "not there");
}

TEST_F(EvidenceTest, RefusesEstimatorsThatCannotBeFrozen) {
  EXPECT_SAYS(
      message_of<OptionError>([&] { make("desk", tiny_options(), "estimator = \"trak\""); }),
      "auto, ridge or carried");
  std::filesystem::remove_all(folder_ / "out");
  auto options = tiny_options();
  options.model = 20;
  EXPECT_SAYS(message_of<OptionError>([&] { make("desk", options); }), "0 to 19 required, got 20");
}

}  // namespace
}  // namespace expunge::desk
