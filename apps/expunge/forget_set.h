// What the kinds of expunge forget-set share: flags, and the file and summary that they end with.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "command.h"
#include "training_set.h"

namespace expunge::app {

using Given = std::vector<std::pair<std::string, std::string>>;  // flags with their values

/// What every kind has.
struct ForgetSetFlags {
  TrainingSetFlags training;
  std::string out;
  int64_t count = 0;
  int64_t seed = 0;
  CommonFlags common;
};

/// What a kind has found.
struct Chosen {
  std::string kind;
  std::vector<int64_t> forget;
  std::string order;                 // of the indices in the file
  Given given;                       // what the kind was told, so that it can be told again
  std::vector<std::string> details;  // lines for people, and for the file
  nlohmann::ordered_json json = nlohmann::ordered_json::object();  // the same for programs
};

/// Writes the file, with comments that say how it was made, and prints the summary.
void finish(const ForgetSetFlags& flags, const TrainingSet& training, const Chosen& chosen);

/// Flags of the training set, --out, and the common ones.
void add_output_flags(CLI::App& command, ForgetSetFlags& flags);
CLI::Option* add_count(CLI::App& command, ForgetSetFlags& flags, const char* help);

void append(Given& to, const Given& more);

/// Each kind registers itself as a command of `app`.
void register_nearest(CLI::App& app);
void register_principal(CLI::App& app);

}  // namespace expunge::app
