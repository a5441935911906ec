// Programs that are run for what they print.
#include "expunge/distribute/program.h"

#include <gtest/gtest.h>

#include <chrono>

#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

TEST(Program, GivesWhatItPrintsAndItsExitCode) {
  const auto result = run_program({"sh", "-c", "echo out; echo err >&2; cat; exit 3"});
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.error, "err\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST(Program, ArgumentsAreWordsAsTheyAre) {
  EXPECT_EQ(run_program({"printf", "%s|", "a b", "$HOME", "'", ""}).output, "a b|$HOME|'||");
}

// More than a pipe holds, on both pipes.
TEST(Program, LongOutputComesWhole) {
  const auto result = run_program({"sh", "-c", "seq 100000 >&2; seq 100000"});
  EXPECT_EQ(result.output.size(), 588895U);
  EXPECT_EQ(result.error, result.output);
}

TEST(Program, KilledItIsNoSuccess) {
  EXPECT_EQ(run_program({"sh", "-c", "kill -9 $$"}).exit_code, 128 + 9);
}

TEST(Program, ThatIsNotThereOrDoesNotEndIsRefused) {
  EXPECT_EQ(message_of<SystemError>([] { run_program({"no-such-program"}); }),
            "no-such-program: cannot be started: No such file or directory");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(message_of<SystemError>([] {
              run_program({"sleep", "600"}, 1);
            }),
            "sleep: no answer within 1 s");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(Program, IsLookedForInPath) {
  EXPECT_TRUE(is_program("sh"));
  EXPECT_FALSE(is_program("no-such-program"));
  EXPECT_FALSE(is_program("etc"));
}

}  // namespace
}  // namespace expunge
