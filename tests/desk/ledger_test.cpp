#include "expunge/desk/ledger.h"

#include <gtest/gtest.h>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge::desk {
namespace {

const std::string kDigest(64, 'a');

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() { make("ledger.sqlite"); }

  void make(const std::string& name) const {
    std::vector<std::string> keys = {"ann", "ann", "bob", "", "bob", "eve"};
    Ledger::make(folder_ / name, 6, keys, {{"keys", "true"}, {"id", "x"}}, version(0));
  }
  static Version version(int64_t number) {
    auto certificate = kDigest;
    certificate.front() = static_cast<char>('0' + number);
    return {number, "2026-01-01T00:00:00Z",   kDigest, certificate, 0.5,
            0.7,    number == 0 ? "then" : ""};
  }
  [[nodiscard]] Ledger open() const { return Ledger(folder_ / "ledger.sqlite"); }
  static Request ask(Ledger& ledger, std::vector<int64_t> examples, const std::string& receipt) {
    return ledger.ask(examples, false, receipt);
  }

  ScratchFolder folder_;
};

TEST_F(LedgerTest, ARequestGoesThroughItsStates) {
  auto ledger = open();
  const auto asked = ask(ledger, {2, 0}, "first-receipt");
  EXPECT_EQ(asked.state, RequestState::pending);
  EXPECT_EQ(asked.examples, (std::vector<int64_t>{0, 2}));
  const auto begun = ledger.begin(asked.id, true);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->state, RequestState::processing);
  EXPECT_EQ(begun->version, 1);
  EXPECT_TRUE(begun->past_limit);
  ledger.record(version(1), begun->examples);
  EXPECT_EQ(ledger.request(asked.id).state, RequestState::processed);
  EXPECT_EQ(ledger.removed_in(1), (std::vector<int64_t>{0, 2}));
  EXPECT_FALSE(ledger.processing());
  EXPECT_TRUE(ledger.faults().empty());
}

TEST_F(LedgerTest, WhatIsCommittedIsThereForOthers) {
  auto ledger = open();
  const auto asked = ask(ledger, {1}, "a-receipt-1");
  EXPECT_EQ(open().request(asked.id).examples, (std::vector<int64_t>{1}));
}

TEST_F(LedgerTest, AskingAgainWithTheReceiptIsTheSameRequest) {
  auto ledger = open();
  const auto asked = ask(ledger, {1, 3}, "a-receipt-1");
  EXPECT_EQ(ask(ledger, {3, 1}, "a-receipt-1").id, asked.id);
  EXPECT_EQ(ledger.requests().size(), 1U);
  EXPECT_SAYS(message_of<InputError>([&] { ask(ledger, {1}, "a-receipt-1"); }), "request 1 has it");
}

TEST_F(LedgerTest, RefusesExamplesThatAreNone) {
  auto ledger = open();
  EXPECT_SAYS(message_of<InputError>([&] { ask(ledger, {}, "a-receipt-1"); }),
              "at least one example");
  EXPECT_SAYS(message_of<InputError>([&] { ask(ledger, {1, 1}, "a-receipt-1"); }), "got 1 twice");
  EXPECT_SAYS(message_of<InputError>([&] { ask(ledger, {6}, "a-receipt-1"); }),
              "from 0 to 5 required, got 6");
  EXPECT_SAYS(message_of<InputError>([&] { ask(ledger, {-1}, "a-receipt-1"); }), "got -1");
  EXPECT_TRUE(ledger.requests().empty());
}

TEST_F(LedgerTest, WhatIsRemovedCannotBeAskedForAgain) {
  auto ledger = open();
  const auto asked = ask(ledger, {1}, "a-receipt-1");
  ledger.begin(asked.id, false);
  ledger.record(version(1), std::vector<int64_t>{1});
  EXPECT_SAYS(message_of<InputError>([&] {
                ask(ledger, {1, 2}, "a-receipt-2");
              }),
              "example 1 was removed in version 1");
}

TEST_F(LedgerTest, WithdrawnUntilItIsProcessing) {
  auto ledger = open();
  const auto first = ask(ledger, {1}, "a-receipt-1");
  const auto second = ask(ledger, {2}, "a-receipt-2");
  ledger.withdraw(first.id);
  EXPECT_FALSE(ledger.begin(first.id, false));
  ledger.begin(second.id, false);
  EXPECT_SAYS(message_of<InputError>([&] { ledger.withdraw(second.id); }),
              "it is processing as version 1");
  EXPECT_SAYS(message_of<InputError>([&] { ledger.withdraw(first.id); }), "it is withdrawn");
  EXPECT_SAYS(message_of<InputError>([&] { ledger.withdraw(9); }), "none of that number");
}

TEST_F(LedgerTest, OneAtATimeIsProcessing) {
  auto ledger = open();
  const auto first = ask(ledger, {1}, "a-receipt-1");
  const auto second = ask(ledger, {2}, "a-receipt-2");
  ledger.begin(first.id, false);
  EXPECT_SAYS(message_of<InputError>([&] { ledger.begin(second.id, false); }),
              "request 1 is processing");
  EXPECT_EQ(open().processing()->id, first.id);
}

TEST_F(LedgerTest, NoVersionIsRecordedTwiceOrOutOfOrder) {
  auto ledger = open();
  const auto asked = ask(ledger, {1}, "a-receipt-1");
  EXPECT_THROW(ledger.record(version(1), std::vector<int64_t>{1}), InputError);
  ledger.begin(asked.id, false);
  EXPECT_THROW(ledger.record(version(2), std::vector<int64_t>{1}), InputError);
  ledger.record(version(1), std::vector<int64_t>{1});
  EXPECT_THROW(ledger.record(version(1), std::vector<int64_t>{1}), InputError);
  EXPECT_EQ(ledger.versions().size(), 2U);
}

TEST_F(LedgerTest, ARequestOfWhatOthersRemovedIsProcessedByThem) {
  auto ledger = open();
  const auto first = ask(ledger, {1, 2}, "a-receipt-1");
  const auto second = ask(ledger, {2}, "a-receipt-2");
  EXPECT_THROW(ledger.close_empty(second.id), InputError);
  ledger.begin(first.id, false);
  ledger.record(version(1), first.examples);
  ledger.close_empty(second.id);
  EXPECT_EQ(ledger.request(second.id).version, 1);
}

TEST_F(LedgerTest, KeysNameExamplesAndGoWithThem) {
  auto ledger = open();
  EXPECT_EQ(ledger.examples_of_key("bob"), (std::vector<int64_t>{2, 4}));
  EXPECT_SAYS(message_of<InputError>([&] { static_cast<void>(ledger.examples_of_key("mallory")); }),
              "got none");
  EXPECT_SAYS(
      message_of<InputError>([&] { static_cast<void>(ledger.examples_of_key("' OR 1 = 1 --")); }),
      "got none");
  const auto asked = ask(ledger, {2, 4}, "a-receipt-1");
  ledger.begin(asked.id, false);
  ledger.record(version(1), asked.examples);
  EXPECT_THROW(static_cast<void>(ledger.examples_of_key("bob")), InputError);
  ledger.record_erasure(1);
  EXPECT_FALSE(ledger.newest().erased.empty());
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    EXPECT_EQ(read_file(entry.path()).find("bob"), std::string::npos) << entry.path();
}

TEST_F(LedgerTest, RefusesWhatIsNoLedger) {
  EXPECT_SAYS(message_of<InputError>([&] { Ledger(folder_ / "none"); }), "not there");
  put_file(folder_ / "text",
           "this is no database, whatever its name says, and long enough to be one ....");
  EXPECT_SAYS(message_of<InputError>([&] { Ledger(folder_ / "text"); }),
              "a desk's ledger required");
  Database(folder_ / "other", Database::Mode::make).run("CREATE TABLE t(x)");
  EXPECT_SAYS(message_of<InputError>([&] { Ledger(folder_ / "other"); }), "another database");
  EXPECT_FALSE(Ledger::is_made(folder_ / "other"));
  EXPECT_TRUE(Ledger::is_made(folder_ / "ledger.sqlite"));
}

TEST_F(LedgerTest, ANewerFormatIsRefused) {
  Database(folder_ / "ledger.sqlite", Database::Mode::open).run("PRAGMA user_version = 99");
  EXPECT_SAYS(message_of<InputError>([&] { (void)open(); }), "required, got 99");
}

TEST_F(LedgerTest, DamageIsRefusedOrReported) {
  {
    auto ledger = open();
    for (int k = 0; k < 30; ++k) ask(ledger, {k % 6}, fmt::format("receipt-{}", k));
  }
  Database(folder_ / "ledger.sqlite", Database::Mode::open).run("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto whole = read_file(folder_ / "ledger.sqlite");
  int noticed = 0, cuts = 0;
  for (size_t at = 4096; at + 4096 < whole.size(); at += 4096) {
    auto damaged = whole;
    damaged.replace(at, 64, std::string(64, '\x5a'));
    put_file(folder_ / "ledger.sqlite", damaged);
    ++cuts;
    try {
      noticed += open().faults().empty() ? 0 : 1;
    } catch (const Error&) {
      ++noticed;
    }
  }
  EXPECT_EQ(noticed, cuts);
  EXPECT_GT(cuts, 5);
  put_file(folder_ / "ledger.sqlite", whole.substr(0, whole.size() / 2));
  EXPECT_THROW(
      {
        auto ledger = open();
        if (!ledger.faults().empty()) throw InputError("reported");
      },
      Error);
}

TEST_F(LedgerTest, WhatItsTablesForbidIsRefused) {
  {
    auto ledger = open();
    ask(ledger, {1}, "a");
    Database(folder_ / "ledger.sqlite", Database::Mode::open)
        .run("PRAGMA ignore_check_constraints = ON; UPDATE requests SET state = 'processed'");
  }
  EXPECT_SAYS(message_of<InputError>([&] { std::ignore = open().faults(); }),
              "request 1: the version that it is processed as required");
}

TEST_F(LedgerTest, ReadersChangeNothing) {
  Ledger reader(folder_ / "ledger.sqlite", /*write=*/false);
  EXPECT_THROW(reader.ask(std::vector<int64_t>{1}, false, "a-receipt-1"), Error);
  EXPECT_TRUE(open().requests().empty());
}

TEST_F(LedgerTest, ATransactionThatIsNotCommittedIsNone) {
  Database database(folder_ / "ledger.sqlite", Database::Mode::open);
  {
    Transaction step(database);
    database.run("DELETE FROM examples");
  }
  EXPECT_EQ(open().examples(), 6);
}

}  // namespace
}  // namespace expunge::desk
