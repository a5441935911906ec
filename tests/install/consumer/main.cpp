// KLoM of two points, by the installed library, and a table of a configuration.
#include <expunge/core/toml_file.h>
#include <expunge/evaluate/klom.h>
#include <torch/types.h>

#include <cstdio>

int main() {
  // Point 0: unlearned models all in one bin that half of the oracles share: log(1 / 0.5) = log 2.
  // Point 1: the same margins on both sides: 0.
  const auto unlearned = torch::tensor({0.F, 3.F, 0.F, 4.F}).view({2, 2});
  const auto oracles = torch::tensor({0.F, 3.F, 1.F, 4.F}).view({2, 2});
  const auto klom = expunge::klom(unlearned, oracles);
  if (expunge::parse_toml("bins = 20\n", "consumer").at(0).entries.at(0).key != "bins") return 1;
  std::printf("klom %.6f %.6f\n", klom[0].item<double>(), klom[1].item<double>());
}
