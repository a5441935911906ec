#include "expunge/desk/process.h"

#include <nlohmann/json.hpp>

#include "desk/tiny_desk.h"
#include "expunge/desk/certificate.h"
#include "expunge/desk/verify.h"

namespace expunge::desk {
namespace {

class ProcessTest : public TinyDesk {
 protected:
  static ProcessedRequest process_one(Desk& desk) {
    const auto done = process_next(desk, quietly());
    EXPECT_TRUE(done.has_value());
    return done.value_or(ProcessedRequest{});
  }
  static Json certificate_of(const std::filesystem::path& folder, int64_t version) {
    return Json::parse(read_file(DeskFolder(folder).certificate(version)));
  }
  static void expect_sound(const std::filesystem::path& folder) {
    const auto result = verify_folder(folder);
    EXPECT_TRUE(result.faults.empty()) << fmt::format("{}", fmt::join(result.faults, "; "));
  }
};

TEST_F(ProcessTest, MakesAVersionForEachRequest) {
  const auto folder = make("desk");
  Desk desk(folder);
  ask(desk, {3, 17}, "receipt-1");
  desk.ledger().ask(desk.ledger().examples_of_key("u7"), true, "receipt-2");
  EXPECT_EQ(process_one(desk).version, 1);
  EXPECT_EQ(process_one(desk).removed, 6);
  EXPECT_FALSE(process_next(desk, quietly()));
  const auto certificate = certificate_of(folder, 2);
  EXPECT_EQ(certificate["removed"].size(), 6U);
  EXPECT_EQ(certificate["removed_in_all"], 8);
  EXPECT_EQ(certificate["remaining"], n - 8);
  EXPECT_EQ(certificate["request"]["named_by"], "a user's key");
  EXPECT_EQ(certificate["previous"]["certificate_sha256"],
            sha256_of_file(DeskFolder(folder).certificate(1)));
  EXPECT_LT(certificate["method"]["logit_error_after"],
            certificate["method"]["logit_error_before"]);
  expect_sound(folder);
}

TEST_F(ProcessTest, DigestsSayWhichExampleItWasToWhoHasIt) {
  const auto folder = make("desk");
  Desk desk(folder);
  const auto data = tiny_dataset(n, 1, 1, 6);
  ask(desk, {17}, "receipt-1");
  process_one(desk);
  const auto digest = certificate_of(folder, 1)["removed"][0]["digest"].get<std::string>();
  EXPECT_EQ(digest, example_digest(data, 17, "receipt-1"));
  EXPECT_NE(digest, example_digest(data, 17, "receipt-2"));
  EXPECT_NE(digest, example_digest(data, 18, "receipt-1"));
}

// Removed means removed: whatever stands where the data of removed examples were, in every file, nothing that comes
// later changes.
TEST_F(ProcessTest, PoisonInRemovedRowsChangesNothing) {
  for (const std::string attribution : {"estimator = \"ridge\"\nprior = \"adaptive\"",
                                        "estimator = \"carried\"\nprior = \"local\""}) {
    const auto clean = make("clean", tiny_options(), attribution);
    {
      Desk desk(clean);
      ask(desk, {3, 17, 40}, "receipt-1");
      process_one(desk);
      ask(desk, {5, 30}, "receipt-2");
    }
    const auto poisoned = folder_ / "poisoned";
    std::filesystem::copy(clean, poisoned, std::filesystem::copy_options::recursive);
    // Checksums would tell.
    for (const char* place : {"data", "evidence"})
      std::filesystem::remove_all(poisoned / place / "checksums");
    const auto rows = torch::tensor(std::vector<int64_t>{3, 17, 40});
    for (const auto& [file, dim, poison] : {std::tuple("data/train_images.npy", 0, 201.0),
                                            {"data/train_labels.npy", 0, 2.0},
                                            {"evidence/subset_logits.npy", 1, 1e3},
                                            {"evidence/full_logits.npy", 1, -1e3},
                                            {"evidence/held_out.npy", 1, 55.0},
                                            {"evidence/original_logits.npy", 0, 1e4}}) {
      auto array = read_npy(poisoned / file);
      EXPECT_EQ(array.index_select(dim, rows).ne(0).sum().item<int64_t>(), 0) << file;
      write_npy(poisoned / file, array.index_fill_(dim, rows, poison));
    }
    Desk a(clean), b(poisoned);
    const auto expected = process_one(a);
    const auto found = process_one(b);
    EXPECT_EQ(newest_model(poisoned), newest_model(clean));
    EXPECT_EQ(found.forecast.forget.median, expected.forecast.forget.median);
    EXPECT_EQ(found.forecast.retain.high, expected.forecast.retain.high);
    EXPECT_EQ(found.forecast.validation_error.low, expected.forecast.validation_error.low);
    auto certificate = certificate_of(clean, 2), other = certificate_of(poisoned, 2);
    for (auto* json : {&certificate, &other}) {
      json->erase("created");
      (*json)["cost"].erase("seconds");
    }
    EXPECT_EQ(other, certificate);
    EXPECT_EQ(read_file(DeskFolder(poisoned).effects(2)), read_file(DeskFolder(clean).effects(2)));
    for (const char* name : {"clean", "poisoned", "out"})
      std::filesystem::remove_all(folder_ / name);
  }
}

TEST_F(ProcessTest, GoesOnFromWhereAnotherProcessEnded) {
  const auto whole = make("whole");
  {
    Desk desk(whole);
    ask(desk, {3, 17}, "receipt-1");
  }
  // Ended after the ledger said that it is processing.
  const auto begun = folder_ / "begun";
  std::filesystem::copy(whole, begun, std::filesystem::copy_options::recursive);
  {
    Desk desk(begun);
    desk.ledger().begin(1, false);
    ask(desk, {4}, "receipt-2");
  }
  // Ended after the version was recorded: its data are still there.
  const auto recorded = folder_ / "recorded";
  {
    Desk desk(whole);
    process_one(desk);
  }
  std::filesystem::copy(whole, recorded, std::filesystem::copy_options::recursive);
  for (const char* file : {"train_images.npy", "train_labels.npy"})
    std::filesystem::copy_file(folder_ / "data" / file, recorded / "data" / file,
                               std::filesystem::copy_options::overwrite_existing);
  Database(recorded / "ledger.sqlite", Database::Mode::open)
      .run("UPDATE versions SET erased = NULL WHERE version = 1");

  Desk second(begun);
  EXPECT_EQ(process_one(second).request, 1);
  EXPECT_EQ(Desk(begun).ledger().versions().size(), 2U);
  EXPECT_EQ(newest_model(begun), newest_model(whole));
  expect_sound(begun);

  EXPECT_TRUE(find_unerased(DeskFolder(recorded), std::vector<int64_t>{3}));
  Desk third(recorded);
  EXPECT_FALSE(process_next(third, quietly()));
  EXPECT_FALSE(find_unerased(DeskFolder(recorded), std::vector<int64_t>{3, 17}));
  expect_sound(recorded);
}

TEST_F(ProcessTest, WhatOverlapsIsRemovedOnce) {
  const auto folder = make("desk");
  Desk desk(folder);
  ask(desk, {3, 17}, "receipt-1");
  ask(desk, {17, 20}, "receipt-2");
  ask(desk, {3}, "receipt-3");
  process_one(desk);
  EXPECT_EQ(process_one(desk).removed, 1);
  EXPECT_EQ(certificate_of(folder, 2)["request"]["removed_earlier"], 1);
  const auto third = process_one(desk);
  EXPECT_FALSE(third.version);
  EXPECT_EQ(desk.ledger().request(3).version, 1);
  expect_sound(folder);
}

TEST_F(ProcessTest, RefusesPastTheHardLimitUnlessToldOtherwise) {
  auto options = tiny_options();
  options.budget = 1e-6;
  options.hard_limit = 1e-6;
  const auto folder = make("desk", options);
  Desk desk(folder);
  ask(desk, {3, 17}, "receipt-1");
  EXPECT_SAYS(message_of<InputError>([&] { process_next(desk, quietly()); }), "predicted error");
  EXPECT_EQ(desk.ledger().request(1).state, RequestState::pending);
  EXPECT_EQ(desk.ledger().versions().size(), 1U);
  auto told = quietly();
  told.past_limit = true;
  EXPECT_TRUE(process_next(desk, told));
  EXPECT_EQ(certificate_of(folder, 1)["budget"]["past_limit_by_order"], true);
  EXPECT_SAYS(recommendation(desk, budget_of(desk)), "retrain");
}

TEST_F(ProcessTest, RefusesToRemoveEverythingThatIsLeft) {
  const auto folder = make("desk");
  Desk desk(folder);
  std::vector<int64_t> all;
  for (int64_t i = 0; i < n; ++i) all.push_back(i);
  ask(desk, all, "receipt-1");
  EXPECT_SAYS(message_of<InputError>([&] { process_next(desk, quietly()); }), "leaves an example");
}

TEST_F(ProcessTest, RefusesAModelThatIsNotTheLedgers) {
  const auto folder = make("desk");
  Desk desk(folder);
  ask(desk, {3}, "receipt-1");
  auto bytes = read_file(DeskFolder(folder).model(0));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  put_file(DeskFolder(folder).model(0), bytes);
  EXPECT_SAYS(message_of<InputError>([&] { process_next(desk, quietly()); }),
              "it has been changed");
}

TEST_F(ProcessTest, AnotherProcessIsToldOrWaits) {
  const auto folder = make("desk");
  Desk desk(folder);
  ask(desk, {3}, "receipt-1");
  auto lock = std::make_unique<DeskLock>(DeskFolder(folder), false);
  EXPECT_SAYS(message_of<SystemError>([&] { process_next(desk, quietly()); }),
              "another process is at work");
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    lock.reset();
  });
  auto waiting = quietly();
  waiting.wait = true;
  EXPECT_TRUE(process_next(desk, waiting));
  other.join();
}

TEST_F(ProcessTest, WhatIsErasedForGoodIsGone) {
  const auto folder = make("desk");
  Desk desk(folder);
  EXPECT_SAYS(message_of<InputError>([&] { erase_part(desk, Part::original, false); }), "newest");
  ask(desk, {3}, "receipt-1");
  process_one(desk);
  ask(desk, {4}, "receipt-2");
  process_one(desk);
  erase_part(desk, Part::original, false);
  EXPECT_FALSE(std::filesystem::exists(desk.folder().model(0)));
  EXPECT_TRUE(std::filesystem::exists(desk.folder().model(1)));
  erase_part(desk, Part::older, false);
  EXPECT_FALSE(std::filesystem::exists(desk.folder().model(1)));
  ask(desk, {5}, "receipt-3");
  process_one(desk);
  const auto carrying = certificate_of(folder, 3)["still_carrying"];
  EXPECT_TRUE(carrying[0].contains("erased"));
  EXPECT_FALSE(carrying[1].contains("erased"));  // version 2 has come since
  expect_sound(folder);
  ask(desk, {6}, "receipt-4");
  erase_part(desk, Part::evidence, false);
  EXPECT_FALSE(std::filesystem::exists(desk.folder().evidence()));
  EXPECT_SAYS(message_of<InputError>([&] { process_next(desk, quietly()); }), "was erased on");
  expect_sound(folder);
}

TEST_F(ProcessTest, AnInitThatWasInterruptedGoesOn) {
  const auto folder = make("desk");
  std::filesystem::remove(folder / "ledger.sqlite");
  std::filesystem::remove(folder / "ledger.sqlite-wal");
  std::filesystem::remove(folder / "versions/0000/certificate.json");
  make("desk");
  expect_sound(folder);
  EXPECT_SAYS(message_of<InputError>([&] { make("desk"); }), "there is one already");
}

}  // namespace
}  // namespace expunge::desk
