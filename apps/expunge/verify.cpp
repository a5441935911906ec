// expunge verify: whether finished files are still what was written.

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/report/report_words.h"
#include "expunge/train/check_files.h"

namespace expunge::app {
namespace {

namespace fs = std::filesystem;

struct VerifyFlags {
  std::string folder;
  CommonFlags common;
};

// Faults as a run of any other command tells them: the first one ends it.
void tell_faults(const std::vector<std::string>& faults, int64_t files) {
  for (const auto& fault : faults) complain(fault);
  fail<InputError>("{} of {} damaged", faults.size(), counted(files, "file"));
}

void run(const VerifyFlags& flags) {
  const fs::path folder(flags.folder);
  if (!fs::is_directory(folder))
    fail<InputError>("{}: a folder required, not there", folder.string());
  const auto progress = make_progress(flags.common);
  const auto files = check_files(folder, progress.get());
  if (files.empty()) fail<InputError>("{}: finished files required, none there", folder.string());
  std::vector<std::string> faults;
  std::map<FileState, int64_t> counts;
  nlohmann::ordered_json listed = nlohmann::ordered_json::object();
  for (const auto& file : files) {
    ++counts[file.state];
    if (file.state == FileState::damaged) faults.push_back(file.fault);
    listed[file.path.string()] = to_string(file.state);
  }
  if (flags.common.json)
    print_json({{"sound", faults.empty()}, {"files", listed}, {"faults", faults}});
  if (!faults.empty()) tell_faults(faults, std::ssize(files));
  if (flags.common.json) return;
  for (const auto& file : files) {
    std::printf(
        "%s",
        fmt::format("{:<10}  {}\n", to_string(file.state), one_line(file.path.string())).c_str());
  }
  std::string rest;
  if (const auto count = counts[FileState::unchecked]; count > 0)
    rest += fmt::format(", {} without a checksum", count);
  if (const auto count = counts[FileState::unfinished]; count > 0)
    rest += fmt::format(", {} unfinished", counted(count, "store"));
  std::printf(
      "%s\n",
      fmt::format("{} as written{}", counted(counts[FileState::sound], "file"), rest).c_str());
}

}  // namespace

void register_verify(CLI::App& app) {
  auto* command = app.add_subcommand(
      "verify",
      "Check finished files against the checksums that were noted when they were written: arrays "
      "and results of an experiment, models, saved datamodels; and that stores are whole");
  const auto flags = std::make_shared<VerifyFlags>();
  command->add_option("folder", flags->folder, "An experiment, a store, or any folder above them")
      ->required();
  add_common_flags(*command, flags->common, /*with_workers=*/false);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
