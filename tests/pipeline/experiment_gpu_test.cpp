// A whole experiment on a CUDA device, and one that is begun there and goes on elsewhere.
#include <gtest/gtest.h>

#include "cuda_device.h"
#include "expunge/core/atomic_file.h"
#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

class CudaExperiment : public TinyExperiment {
 protected:
  void SetUp() override {
    if (const auto reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
  }
  Experiment on(const std::string& device, const std::string& out, int64_t workers = 3) {
    return experiment_of(config_text() + "[compute]\ndevice = \"" + device + "\"\n", out, workers);
  }
};

TEST_F(CudaExperiment, LeavesWhatTheCpuLeavesUpToRounding) {
  run(on("cpu", "cpu"));
  run(on("cuda", "cuda"));
  for (const std::string store : {"subset", "full", "oracle-pair", "oracle-late", "dmm-pair",
                                  "dmm-late", "matched-pair", "matched-late"}) {
    EXPECT_TRUE(
        torch::equal(read(store + "/masks.npy", "cuda"), read(store + "/masks.npy", "cpu")));
    EXPECT_LT(
        distance_between(read(store + "/logits.npy", "cuda"), read(store + "/logits.npy", "cpu")),
        2e-2)
        << store;
  }
  const auto devices = read_file(folder_ / "cuda" / "devices.txt");
  EXPECT_NE(devices.find("LibTorch"), std::string::npos) << devices;
  EXPECT_NE(devices.find(", float32\n"), std::string::npos) << devices;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "cpu" / "devices.txt"));
  EXPECT_EQ(read_file(folder_ / "cuda" / "config.toml"),
            read_file(folder_ / "cpu" / "config.toml"));
}

TEST_F(CudaExperiment, GoesOnOnAnotherDevice) {
  on("cuda", "out").train();
  const auto logits = read("full/logits.npy");
  const auto rest = on("cpu", "out");
  rest.train();  // nothing is missing
  EXPECT_TRUE(torch::equal(read("full/logits.npy"), logits));
  rest.attribute();
  rest.unlearn();
  EXPECT_TRUE(torch::isfinite(read("dmm-pair/logits.npy")).all().item<bool>());
}

}  // namespace
}  // namespace expunge
