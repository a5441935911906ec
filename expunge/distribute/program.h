// Other programs, run for what they print.
#pragma once

#include <string>
#include <vector>

namespace expunge {

struct ProgramResult {
  int exit_code = 0;   // 128 + the signal, of one that was killed
  std::string output;  // its standard output
  std::string error;   // its standard error
};

/// Runs the program of that name (looked for in PATH) and waits for it. Its standard input is empty.
/// SystemError if it cannot be started, or is not done after `seconds`: it is then killed.
ProgramResult run_program(const std::vector<std::string>& arguments, int seconds = 60);

/// Whether PATH leads to an executable file of that name.
bool is_program(const std::string& name);

}  // namespace expunge
