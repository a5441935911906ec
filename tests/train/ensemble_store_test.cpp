// A store's files: what they hold, and stores that are not sound.
#include "expunge/train/ensemble_store.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "train/store_files.h"
#include "train/tiny_ensemble.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

torch::Tensor mask_of(int64_t row) {
  return torch::arange(5).remainder(row + 2) == 0;
}
torch::Tensor logits_of(int64_t row) {
  return (torch::arange(6, torch::kFloat32) * 0.25 - static_cast<double>(row)).view({3, 2});
}

EnsembleDescription small_description() {
  return {.name = "subset",
          .models = 4,
          .layout = {.n = 5, .m = 3, .classes = 2},
          .settings = {{"seed", "3"}, {"recipe.network", "\"mlp\""}}};
}

class Store : public testing::Test {
 protected:
  Store() { network_ = make_network(tiny_recipe().network, {1, 4, 4, 3}); }
  void append(EnsembleStore& store, int64_t row) {
    store.append(row, mask_of(row), logits_of(row), *network_, {});
  }
  // All four rows, as arrays.
  void finish(const EnsembleDescription& description = small_description()) {
    auto store = EnsembleStore::create_or_open(path_, description);
    for (int64_t row = 0; row < 4; ++row) append(store, row);
    store.finalise();
  }
  template <class E = InputError>
  std::string refusal(const std::function<void(const EnsembleStore&)>& read) {
    return message_of<E>([&] { read(EnsembleStore::open(path_)); });
  }
  ScratchFolder folder_;
  fs::path path_ = folder_ / "store";
  std::unique_ptr<LayeredNetwork> network_;
};

TEST_F(Store, RowsComeBackInOrderBeforeAndAfterFinalising) {
  for (const auto dtype : {torch::kFloat32, torch::kFloat16}) {
    fs::remove_all(path_);
    auto description = small_description();
    description.layout.logits_dtype = dtype;
    auto store = EnsembleStore::create_or_open(path_, description);
    const auto expect_rows = [&](const std::vector<int64_t>& rows) {
      std::vector<torch::Tensor> masks;
      std::vector<torch::Tensor> logits;
      std::vector<bool> there(4, false);
      for (const int64_t row : rows) {
        masks.push_back(mask_of(row));
        logits.push_back(logits_of(row).to(dtype));
        there[static_cast<size_t>(row)] = true;
      }
      const auto opened = EnsembleStore::open(path_);
      for (const EnsembleStore* reader : {&std::as_const(store), &opened}) {
        EXPECT_EQ(reader->completed(), there);
        EXPECT_EQ(reader->is_complete(), rows.size() == 4);
        EXPECT_TRUE(torch::equal(reader->masks(), at::stack(masks)));
        EXPECT_TRUE(torch::equal(reader->logits(), at::stack(logits)));
        EXPECT_EQ(reader->logits().scalar_type(), dtype);
      }
    };
    EXPECT_EQ(store.masks().sizes(), at::IntArrayRef({0, 5}));
    EXPECT_EQ(store.logits().sizes(), at::IntArrayRef({0, 3, 2}));
    append(store, 2);
    append(store, 0);
    expect_rows({0, 2});
    append(store, 3);
    append(store, 1);
    expect_rows({0, 1, 2, 3});
    store.finalise();
    expect_rows({0, 1, 2, 3});
  }
}

TEST_F(Store, FilesAreThoseThatAreDocumented) {
  finish();
  EXPECT_TRUE(torch::equal(read_npy(path_ / "_completed.npy"), torch::ones({4}, torch::kBool)));
  EXPECT_EQ(read_npy(path_ / "masks.npy").sizes(), at::IntArrayRef({4, 5}));
  EXPECT_EQ(read_npy(path_ / "masks.npy").scalar_type(), torch::kBool);
  EXPECT_EQ(read_npy(path_ / "logits.npy").sizes(), at::IntArrayRef({4, 3, 2}));
  EXPECT_EQ(read_npy(path_ / "logits.npy").scalar_type(), torch::kFloat32);
  EXPECT_FALSE(fs::exists(path_ / "shards"));
  EXPECT_FALSE(fs::exists(path_ / "weights"));
  const nlohmann::json expected = {{"format", "expunge ensemble"},
                                   {"format_version", 1},
                                   {"name", "subset"},
                                   {"models", 4},
                                   {"training_examples", 5},
                                   {"evaluation_points", 3},
                                   {"classes", 2},
                                   {"logits_dtype", "float32"},
                                   {"weights", false},
                                   {"settings", {{"seed", "3"}, {"recipe.network", "\"mlp\""}}}};
  EXPECT_EQ(nlohmann::json::parse(read_file(path_ / "ensemble.json")), expected);
}

TEST_F(Store, IsFinalisedOnceAllRowsAreThere) {
  auto store = EnsembleStore::create_or_open(path_, small_description());
  append(store, 0);
  append(store, 3);
  EXPECT_EQ(message_of<Error>([&] { store.finalise(); }),
            path_.string() + ": cannot be finalised before all 4 rows are there, got 2");
  EXPECT_EQ(store.completed(), (std::vector<bool>{true, false, false, true}));
  EXPECT_FALSE(fs::exists(path_ / "masks.npy"));
  append(store, 1);
  append(store, 2);
  store.finalise();
  const auto files = arrays_and_weights(path_);
  store.finalise();
  expect_same_files(files, arrays_and_weights(path_));
}

// As when a requeued task and the one that it replaces both make a row, and one of them is cut off.
TEST_F(Store, IsFinalisedFromWhicheverCopyOfARowIsIntact) {
  auto store = EnsembleStore::create_or_open(path_, small_description());
  auto other = EnsembleStore::create_or_open(path_, small_description());
  for (int64_t row = 0; row < 4; ++row) {
    append(store, row);
    append(other, row);
  }
  std::vector<fs::path> shards;
  for (const auto& entry : fs::directory_iterator(path_ / "shards")) shards.push_back(entry.path());
  ASSERT_EQ(shards.size(), 2U);
  const auto row_bytes = static_cast<size_t>(small_description().layout.row_bytes());
  for (size_t i = 0; i < 2; ++i) {  // rows 1 and 2 each damaged in one of the files
    auto bytes = read_file(shards[i]);
    bytes[8 + (i + 1) * row_bytes + 20] ^= 1;
    put_file(shards[i], bytes);
  }
  EXPECT_EQ(store.completed(), std::vector<bool>(4, true));
  store.finalise();
  for (int64_t row = 0; row < 4; ++row) {
    EXPECT_TRUE(torch::equal(store.masks()[row], mask_of(row))) << row;
    EXPECT_TRUE(torch::equal(store.logits()[row], logits_of(row))) << row;
  }
}

TEST_F(Store, AShareLooksAtItsOwnRows) {
  auto store = EnsembleStore::create_or_open(path_, small_description());
  for (const int64_t row : {3, 0, 2}) append(store, row);
  const RowShare share{.task = 1, .tasks = 2, .offset = 1};  // rows 0 and 2
  EXPECT_EQ(store.completed(share), (std::vector<bool>{true, false, true, false}));
  EXPECT_EQ(store.listed(), (std::vector<bool>{true, false, true, true}));
  append(store, 1);
  store.finalise();
  EXPECT_EQ(store.completed(share), std::vector<bool>(4, true));
  EXPECT_EQ(store.listed(), std::vector<bool>(4, true));
}

TEST_F(Store, ADamagedRowIsListedButNotThere) {
  auto store = EnsembleStore::create_or_open(path_, small_description());
  append(store, 2);
  const auto shard = fs::directory_iterator(path_ / "shards")->path();
  auto bytes = read_file(shard);
  bytes.back() ^= 1;
  put_file(shard, bytes);
  EXPECT_EQ(store.listed(), (std::vector<bool>{false, false, true, false}));
  EXPECT_EQ(store.completed(), std::vector<bool>(4, false));
}

TEST_F(Store, RowsOutOfRangeAreRefused) {
  auto store = EnsembleStore::create_or_open(path_, small_description());
  for (const int64_t row : {-1, 4}) {
    EXPECT_EQ(message_of<Error>([&] { append(store, row); }),
              fmt::format("store: row in [0, 4) required, got {}", row));
  }
}

TEST_F(Store, ModelsAreReadBack) {
  network_->initialise(1);
  auto description = small_description();
  description.weights = true;
  auto store = EnsembleStore::create_or_open(path_, description);
  auto notes = model_metadata(tiny_recipe(), tiny_problem());
  notes["note"] = "x";
  store.append(3, mask_of(3), logits_of(3), *network_, notes);
  EXPECT_EQ(store.weights_path(3), path_ / "weights" / "00003.safetensors");
  const auto model = store.model(3);
  EXPECT_EQ(model.metadata, notes);
  EXPECT_TRUE(torch::equal(model.network->parameters(), network_->parameters()));
  EXPECT_EQ(message_of<InputError>([&] { (void)store.model(2); }),
            store.weights_path(2).string() + ": the weights of model 2 required, not there");
  EXPECT_EQ(message_of<InputError>([&] { (void)store.model(4); }),
            path_.string() + ": a model from 0 to 3 required, got 4");
  put_file(store.weights_path(3), "no model");
  EXPECT_SAYS(message_of<InputError>([&] { (void)store.model(3); }),
              store.weights_path(3).string());
}

TEST_F(Store, WeightsThatAreNotKeptAreNotThere) {
  finish();
  EXPECT_EQ(
      refusal([](const EnsembleStore& s) { (void)s.model(1); }),
      path_.string() + ": the weights of model 1 required, but this ensemble keeps no weights");
}

// A row is there once its weights are: whoever is killed between the two leaves no half row.
TEST_F(Store, WeightsAreWrittenBeforeTheirRow) {
  auto description = small_description();
  description.weights = true;
  auto store = EnsembleStore::create_or_open(path_, description);
  network_->parameters().fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_SAYS(message_of<NonFiniteError>([&] { append(store, 1); }),
              store.weights_path(1).string() + ": tensor \"1.weight\"");
  EXPECT_EQ(store.completed(), std::vector<bool>(4, false));
}

TEST_F(Store, ANewerFormatIsRefused) {
  finish();
  auto json = nlohmann::json::parse(read_file(path_ / "ensemble.json"));
  json["format_version"] = 2;
  json["something"] = "new";
  put_file(path_ / "ensemble.json", json.dump());
  const auto words = (path_ / "ensemble.json").string() +
                     ": format version 2 was written by a newer expunge; this one reads up to 1";
  EXPECT_EQ(refusal([](const EnsembleStore&) {}), words);
  EXPECT_EQ(
      message_of<InputError>([&] { EnsembleStore::create_or_open(path_, small_description()); }),
      words);
}

TEST_F(Store, ADescriptionThatIsNotSoundIsRefusedByItsFile) {
  finish();
  const auto file = path_ / "ensemble.json";
  const auto sound = read_file(file);
  const auto json = nlohmann::json::parse(sound);
  const auto refused = [&](const std::string& key, const nlohmann::json& value) {
    auto changed = json;
    if (value.is_discarded()) {
      changed.erase(key);
    } else {
      changed[key] = value;
    }
    put_file(file, changed.dump());
    const auto message = refusal([](const EnsembleStore&) {});
    EXPECT_EQ(message.rfind(file.string() + ": ", 0), 0U) << message;
    return message.substr(file.string().size() + 2);
  };
  for (const auto& [key, value] : json.items()) {
    refused(key, nlohmann::json(nlohmann::json::value_t::discarded));
    refused(key, nullptr);
    refused(key, nlohmann::json::array({1}));
  }
  EXPECT_EQ(refused("format", "x"), "an expunge ensemble required, got format \"x\"");
  EXPECT_EQ(refused("format_version", 0), "format version 1 required, got 0");
  EXPECT_EQ(refused("models", 0), "sizes above 0 required, got 0");
  EXPECT_EQ(refused("classes", -2), "sizes above 0 required, got -2");
  EXPECT_EQ(refused("models", 1.5), "models: a whole number required, got 1.5");
  EXPECT_EQ(refused("models", "4"), "models: a whole number required, got \"4\"");
  EXPECT_EQ(refused("logits_dtype", "float64"),
            "logits_dtype float16 or float32 required, got \"float64\"");
  EXPECT_EQ(refused("evaluation_points", int64_t{1} << 60),
            "4 models of 5 masks and 1152921504606846976 x 2 logits are more than any disk holds");
  EXPECT_EQ(refused("models", 10'000'001),
            "10000001 models of 5 masks and 3 x 2 logits are more than any disk holds");
  refused("settings", {{"seed", 3}});
  for (size_t size = 0; size + 2 < sound.size(); size += 3) {
    put_file(file, sound.substr(0, size));
    EXPECT_SAYS(refusal([](const EnsembleStore&) {}), file.string() + ": ") << size;
  }
}

// The most models that a description may announce, of which none is there.
TEST_F(Store, AnnouncedModelsTakeLittleMemory) {
  auto description = small_description();
  description.models = 10'000'000;
  const auto store = EnsembleStore::create_or_open(path_, description);
  EXPECT_FALSE(store.is_complete());
  EXPECT_EQ(store.logits().size(0), 0);
}

TEST_F(Store, AMissingStoreIsRefusedByItsFile) {
  EXPECT_EQ(refusal<SystemError>([](const EnsembleStore&) {}),
            (path_ / "ensemble.json").string() + ": cannot be opened: No such file or directory");
}

TEST_F(Store, TruncatedArraysAreRefusedByName) {
  finish();
  const std::map<std::string, std::function<void(const EnsembleStore&)>> readers = {
      {"_completed.npy", [](const EnsembleStore& s) { (void)s.completed(); }},
      {"masks.npy", [](const EnsembleStore& s) { (void)s.masks(); }},
      {"logits.npy", [](const EnsembleStore& s) { (void)s.logits(); }}};
  for (const auto& [name, read] : readers) {
    const auto bytes = read_file(path_ / name);
    for (const size_t size : {size_t{0}, size_t{5}, size_t{100}, bytes.size() - 1}) {
      put_file(path_ / name, bytes.substr(0, size));
      EXPECT_SAYS(refusal(read), (path_ / name).string() + ": ") << size;
    }
    put_file(path_ / name, bytes + "x");
    EXPECT_SAYS(refusal(read), (path_ / name).string() + ": ");
    put_file(path_ / name, bytes);
    read(EnsembleStore::open(path_));
  }
}

TEST_F(Store, ArraysOfAnotherShapeOrDtypeAreRefusedByName) {
  finish();
  const auto refused = [&](const std::string& name, const torch::Tensor& array,
                           const std::string& words) {
    const auto bytes = read_file(path_ / name);
    write_npy(path_ / name, array);
    EXPECT_EQ(refusal([](const EnsembleStore& s) {
                (void)s.completed();
                (void)s.masks();
                (void)s.logits();
              }),
              (path_ / name).string() + ": " + words);
    put_file(path_ / name, bytes);
  };
  refused("masks.npy", torch::ones({4, 6}, torch::kBool),
          "an array (4, 5) of Bool required, got (4, 6) of Bool");
  refused("masks.npy", torch::ones({4, 5}, torch::kUInt8),
          "an array (4, 5) of Bool required, got (4, 5) of Byte");
  refused("logits.npy", torch::ones({4, 3, 3}),
          "an array (4, 3, 2) of Float required, got (4, 3, 3) of Float");
  refused("logits.npy", torch::ones({4, 6}),
          "an array (4, 3, 2) of Float required, got (4, 6) of Float");
  refused("logits.npy", torch::ones({4, 3, 2}, torch::kFloat16),
          "an array (4, 3, 2) of Float required, got (4, 3, 2) of Half");
  refused("_completed.npy", torch::ones({3}, torch::kBool),
          "an array (4) of Bool required, got (3) of Bool");
  refused("_completed.npy", torch::arange(4) != 2, "all 4 rows required, got 3");
}

TEST_F(Store, ForeignFilesInTheFolderDoNoHarm) {
  put_file(path_ / "notes.txt", "mine");
  put_file(path_ / "shards" / "notes.txt", "mine");
  put_file(path_ / "shards" / "a.shard", "no shard");
  finish();
  EXPECT_TRUE(EnsembleStore::open(path_).is_complete());
  EXPECT_EQ(read_file(path_ / "notes.txt"), "mine");
}

TEST_F(Store, AnUnknownDtypeOfLogitsIsRefusedBeforeThereIsAStore) {
  auto description = small_description();
  description.layout.logits_dtype = torch::kFloat64;
  EXPECT_EQ(message_of<InputError>([&] { EnsembleStore::create_or_open(path_, description); }),
            "logits as float16 or float32 required, got Double");
  EXPECT_FALSE(fs::exists(path_));
}

}  // namespace
}  // namespace expunge
