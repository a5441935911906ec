// docs/configuration.md explains the options that there are.
#include <gtest/gtest.h>

#include "expunge/core/atomic_file.h"
#include "expunge/pipeline/run_config.h"

namespace expunge {
namespace {

TEST(ConfigurationPage, ShowsEveryOptionOfTheQuickstartAsTheProgramExplainsIt) {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  const auto page = read_file(root / "docs" / "configuration.md");
  const std::string opening = "```toml\n";
  const auto begin = page.find(opening) + opening.size();
  const auto shown = page.substr(begin, page.find("```", begin) - begin);
  EXPECT_EQ(shown, to_toml(read_run_config(root / "configs" / "quickstart.toml"), true));
}

}  // namespace
}  // namespace expunge
