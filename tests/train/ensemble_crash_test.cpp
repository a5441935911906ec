// An ensemble's store when processes are killed, shards damaged, and several processes at work.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "train/child_process.h"
#include "train/store_files.h"
#include "train/tiny_ensemble.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

class EnsembleCrash : public testing::Test {
 protected:
  EnsembleCrash() : problem_(tiny_problem()) {}
  EnsembleStore train(const std::string& name, int64_t models, int64_t workers = 1) {
    return train_ensemble(folder_ / name, tiny_spec(models), tiny_recipe(), problem_, workers);
  }
  // Rows that a store says are there, 0 as long as there is none.
  int64_t rows_of(const std::string& name) {
    if (!fs::exists(folder_ / name / "ensemble.json")) return 0;
    const auto there = EnsembleStore::open(folder_ / name).completed();
    return std::count(there.begin(), there.end(), true);
  }
  // An ensemble of which `rows` are trained, in one shard.
  void train_some(const std::string& name, int64_t models, int64_t rows) {
    class StopAt final : public ProgressSink {
     public:
      explicit StopAt(int64_t rows) : rows_(rows) {}
      void update(std::string_view, int64_t done, int64_t, int64_t) override {
        if (done == rows_) throw Interrupted("enough");
      }

     private:
      int64_t rows_;
    } stop(rows);
    EXPECT_THROW(
        train_ensemble(folder_ / name, tiny_spec(models), tiny_recipe(), problem_, 1, &stop),
        Interrupted);
    EXPECT_EQ(rows_of(name), rows);
  }
  fs::path shard_of(const std::string& name) {
    std::vector<fs::path> shards;
    for (const auto& entry : fs::directory_iterator(folder_ / name / "shards"))
      shards.push_back(entry.path());
    EXPECT_EQ(shards.size(), 1U);
    return shards.at(0);
  }
  ScratchFolder folder_;
  Problem problem_;
};

TEST_F(EnsembleCrash, KilledAtRandomMomentsItEndsWithTheSameBytes) {
  constexpr int64_t models = 40;
  train("whole", models);
  CounterRng rng(8);
  int64_t killed_halfway = 0;
  for (int round = 0; round < 12; ++round) {
    const int64_t wanted = rows_of("killed") + static_cast<int64_t>(rng.below(4));
    const pid_t child = start_child([&] { train("killed", models, 2); });
    // By progress and not by time alone, which says little on a busy machine.
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0 && rows_of("killed") < wanted)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    std::this_thread::sleep_for(std::chrono::microseconds(rng.below(4000)));
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    const int64_t rows = rows_of("killed");
    EXPECT_GE(rows, std::min(wanted, models));
    if (rows > 0 && rows < models) ++killed_halfway;
  }
  EXPECT_GT(killed_halfway, 0);
  EXPECT_TRUE(train("killed", models, 2).is_complete());
  expect_same_files(arrays_and_weights(folder_ / "whole"), arrays_and_weights(folder_ / "killed"));
  EXPECT_FALSE(fs::exists(folder_ / "killed" / "shards"));
}

TEST_F(EnsembleCrash, TwoProcessesFillOneStore) {
  constexpr int64_t models = 30;
  train("whole", models);
  for (int round = 0; round < 3; ++round) {
    const auto name = fmt::format("shared {}", round);
    const pid_t a = start_child([&] { train(name, models); });
    const pid_t b = start_child([&] { train(name, models); });
    // A reader sees ever more whole rows.
    int64_t before = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (before < models) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      const int64_t rows = rows_of(name);
      ASSERT_GE(rows, before);
      before = rows;
      if (rows > 0) {
        ASSERT_GE(EnsembleStore::open(folder_ / name).logits().size(0), rows);
      }
    }
    EXPECT_EQ(status_of(a), 0);
    EXPECT_EQ(status_of(b), 0);
    expect_same_files(arrays_and_weights(folder_ / "whole"), arrays_and_weights(folder_ / name));
    train(name, models);  // whoever comes last tidies up
    EXPECT_FALSE(fs::exists(folder_ / name / "shards"));
  }
}

TEST_F(EnsembleCrash, ADamagedRowIsTrainedAgain) {
  train("whole", 6);
  const auto whole = arrays_and_weights(folder_ / "whole");
  train_some("some", 6, 4);
  const auto shard = read_file(shard_of("some"));
  const auto row_bytes =
      static_cast<size_t>(EnsembleStore::open(folder_ / "some").description().layout.row_bytes());
  ASSERT_EQ(shard.size(), 8 + 4 * row_bytes);
  // The row's number, its mask, its logits, its checksum; the shard's own magic; its end.
  struct Damage {
    std::string bytes;
    int64_t rows_left;
  };
  const auto flipped = [&](size_t at) {
    auto bytes = shard;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    return bytes;
  };
  const std::vector<Damage> damages = {{flipped(8 + row_bytes), 3},
                                       {flipped(8 + row_bytes + 8 + 5), 3},
                                       {flipped(8 + row_bytes + 8 + 40 + 100), 3},
                                       {flipped(8 + 2 * row_bytes - 1), 3},
                                       {flipped(3), 0},
                                       {shard.substr(0, shard.size() - 1), 3},
                                       {shard.substr(0, 8 + 2 * row_bytes + 20), 2},
                                       {"", 0}};
  for (size_t i = 0; i < damages.size(); ++i) {
    const auto name = fmt::format("damaged {}", i);
    fs::copy(folder_ / "some", folder_ / name, fs::copy_options::recursive);
    put_file(shard_of(name), damages[i].bytes);
    EXPECT_EQ(rows_of(name), damages[i].rows_left) << i;
    train(name, 6);
    expect_same_files(whole, arrays_and_weights(folder_ / name));
  }
}

TEST_F(EnsembleCrash, ARowWithoutItsWeightsIsTrainedAgain) {
  train("whole", 6);
  train_some("some", 6, 4);
  fs::remove(folder_ / "some" / "weights" / "00001.safetensors");
  EXPECT_EQ(rows_of("some"), 3);
  EXPECT_EQ(EnsembleStore::open(folder_ / "some").logits().size(0), 3);
  train("some", 6);
  expect_same_files(arrays_and_weights(folder_ / "whole"), arrays_and_weights(folder_ / "some"));
}

// Rows that two processes made both count once; rows that the ensemble does not have, not at all.
TEST_F(EnsembleCrash, RowsOfSeveralShardsAreJoined) {
  train("whole", 6);
  train_some("some", 6, 4);
  fs::copy_file(shard_of("some"), folder_ / "copy");
  {
    ShardWriter stranger(folder_ / "some" / "shards",
                         EnsembleStore::open(folder_ / "some").description().layout);
    for (const int64_t row : {int64_t{6}, int64_t{-1}, int64_t{1} << 40})
      stranger.append(row, torch::ones({40}, torch::kBool), torch::zeros({50, 3}));
  }
  fs::rename(folder_ / "copy", folder_ / "some" / "shards" / "copy.shard");
  EXPECT_EQ(rows_of("some"), 4);
  EXPECT_EQ(EnsembleStore::open(folder_ / "some").masks().size(0), 4);
  train("some", 6);
  expect_same_files(arrays_and_weights(folder_ / "whole"), arrays_and_weights(folder_ / "some"));
}

// What is there if a process is killed while it turns shards into arrays.
TEST_F(EnsembleCrash, EveryStateOfFinalisingIsGoneOnWithFrom) {
  train("whole", 4);
  const auto whole = arrays_and_weights(folder_ / "whole");
  {
    // The last row is there too, but the shards are not yet turned into arrays.
    auto store = EnsembleStore::create_or_open(
        folder_ / "rows", EnsembleStore::open(folder_ / "whole").description());
    const auto from = EnsembleStore::open(folder_ / "whole");
    for (const int64_t row : {2, 0, 3, 1}) {
      const auto model = from.model(row);
      store.append(row, from.masks()[row], from.logits()[row], *model.network, model.metadata);
    }
  }
  const std::vector<std::vector<std::string>> states = {
      {},
      {"masks.npy"},
      {"masks.npy", "logits.npy"},
      {"masks.npy", "logits.npy", "_completed.npy"}};
  for (size_t i = 0; i < states.size(); ++i) {
    const auto name = fmt::format("state {}", i);
    fs::copy(folder_ / "rows", folder_ / name, fs::copy_options::recursive);
    for (const auto& file : states[i])
      fs::copy_file(folder_ / "whole" / file, folder_ / name / file);
    EXPECT_EQ(rows_of(name), 4);
    EXPECT_TRUE(torch::equal(EnsembleStore::open(folder_ / name).logits(),
                             EnsembleStore::open(folder_ / "whole").logits()));
    train(name, 4);
    expect_same_files(whole, arrays_and_weights(folder_ / name));
    EXPECT_FALSE(fs::exists(folder_ / name / "shards"));
  }
}

TEST_F(EnsembleCrash, AFullDiskIsAnErrorAndLaterResumed) {
  train("whole", 8);
  expect_success_in_child([&] {
    limit_file_size(2000);  // enough for a model's file and two rows, but not for three
    EXPECT_SAYS(message_of<SystemError>([&] { train("full disk", 8); }), "cannot be written");
    lift_file_size_limit();
  });
  EXPECT_GT(rows_of("full disk"), 0);
  EXPECT_LT(rows_of("full disk"), 8);
  train("full disk", 8);
  expect_same_files(arrays_and_weights(folder_ / "whole"),
                    arrays_and_weights(folder_ / "full disk"));
}

}  // namespace
}  // namespace expunge
