// expunge doctor: what this machine and its libraries give, and what to do about what is wrong.

#include <sys/statvfs.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "command.h"
#include "doctor_measurements.h"
#include "expunge/core/blas.h"
#include "expunge/core/device.h"
#include "expunge/core/environment.h"
#include "expunge/core/fma_peak.h"
#include "expunge/core/gemm.h"
#include "expunge/core/worker_pool.h"

namespace expunge::app {
namespace {

// One line of the diagnosis; `advice` is empty where nothing is wrong.
struct Finding {
  std::string name, value, advice;
};

std::string gigabytes(double bytes) {
  return fmt::format("{:.1f} GB", bytes / 1e9);
}

Finding blas_finding() {
  const auto blas = describe_blas();
  Finding finding{"BLAS (float64)", blas.name, ""};
  if (!blas.core.empty()) finding.value += fmt::format(", kernels {}", blas.core);
  if (!blas.library.empty()) finding.value += fmt::format(" ({})", blas.library);
  if (blas.name == "reference BLAS") {
    finding.advice = "about 20 times slower than an optimised one: apt install libopenblas0-openmp";
  } else if (!blas.better_core_type.empty()) {
    finding.advice = fmt::format(
        "these kernels are for an older CPU and 2 to 6 times slower: set OPENBLAS_CORETYPE={} "
        "(expunge does so by itself unless the variable is set)",
        blas.better_core_type);
  } else if (blas.has_own_threads) {
    finding.advice =
        "its own thread pool disturbs parallel workers: set OPENBLAS_NUM_THREADS=1 (expunge does "
        "so by itself unless the variable is set), or apt install libopenblas0-openmp";
  } else if (!blas.is_thread_safe) {
    finding.advice =
        "two threads may not call this build at once, so that expunge's workers take turns at it: "
        "apt install libopenblas0-openmp";
  }
  return finding;
}

Finding product_finding(const Measurements& measured) {
  Finding finding{
      "matrix products (float32)",
      fmt::format("{}, {:.0f} GFLOP/s with 1 thread, {:.0f} with {} workers: {:.0f}% of the FMA "
                  "peak",
                  gemm_library(), measured.gemm_one, measured.gemm_all, measured.workers,
                  100 * measured.gemm_all / measured.peak_all),
      ""};
  if (measured.gemm_all < 0.5 * measured.peak_all) {
    finding.advice =
        std::string(gemm_library()) == "LibTorch"
            ? "built without oneDNN: apt install libdnnl-dev and build again"
            : "less than half of what the CPU can do: is something else running on it?";
  }
  return finding;
}

Finding double_finding(const Measurements& measured) {
  Finding finding{"matrix products (float64)",
                  fmt::format("{:.0f} GFLOP/s with 1 thread", measured.gemm_double), ""};
  if (measured.gemm_double < 0.15 * measured.peak_one)
    finding.advice = "slow: see BLAS; attribution's factorisation uses it";
  return finding;
}

Finding thread_finding() {
  const int64_t usable = worker_count();
  const auto all = static_cast<int64_t>(std::thread::hardware_concurrency());
  Finding finding{"threads", fmt::format("{} usable of {}", usable, all), ""};
  if (usable < all)
    finding.advice = "this process may not use the others (taskset, cgroup or batch system)";
  return finding;
}

Finding disk_finding() {
  struct statvfs disk {};
  if (::statvfs(".", &disk) != 0) return {"free disk here", "unknown", ""};
  const double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
  Finding finding{"free disk here", gigabytes(free), ""};
  if (free < 2e9)
    finding.advice =
        "quickstart takes 0.2 GB, 1,000 models of 60,000 x 10 logits in float16 1.2 GB";
  return finding;
}

Finding gpu_finding() {
  const int64_t devices = cuda_devices();
  if (devices > 0) return {"GPU", describe_device({torch::kCUDA, 0}) + ": --device cuda", ""};
  return {"GPU", built_with_cuda() ? "none seen by CUDA" : "none: built without CUDA", ""};
}

std::vector<Finding> diagnose() {
  std::vector<Finding> findings;
  for (const auto& [name, value] : describe_environment()) findings.push_back({name, value, ""});
  findings.push_back(thread_finding());
  findings.push_back(gpu_finding());
  findings.push_back(disk_finding());
  findings.push_back(blas_finding());
  const auto measured = measure();
  findings.push_back({"FMA peak (float32)",
                      fmt::format("{:.0f} GFLOP/s with 1 thread, {:.0f} with {}", measured.peak_one,
                                  measured.peak_all, measured.workers),
                      ""});
  findings.push_back(product_finding(measured));
  findings.push_back(double_finding(measured));
  return findings;
}

void run(const CommonFlags& flags) {
  const auto findings = diagnose();
  if (flags.json) {
    nlohmann::ordered_json json;
    for (const auto& finding : findings) {
      json["findings"].push_back(
          {{"name", finding.name}, {"value", finding.value}, {"advice", finding.advice}});
    }
    print_json(json);
    return;
  }
  bool healthy = true;
  for (const auto& finding : findings) {
    std::printf("%-28s %s\n", finding.name.c_str(), finding.value.c_str());
    if (finding.advice.empty()) continue;
    healthy = false;
    std::printf("%-28s ! %s\n", "", finding.advice.c_str());
  }
  std::printf("%s\n", healthy ? "Nothing is wrong." : "Lines with ! say what to do.");
}

}  // namespace

void register_doctor(CLI::App& app) {
  auto* command = app.add_subcommand(
      "doctor",
      "Show versions, BLAS, threads, GPU, disk and measured speed, and what to do about "
      "what is wrong");
  const auto flags = std::make_shared<CommonFlags>();
  command->add_flag("--json", flags->json, "Print results as JSON on standard output");
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
