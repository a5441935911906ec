// What benchmark programs share: words and options, arrays of files, seconds, exit code.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/options.h"
#include "expunge/core/peak_memory.h"

namespace expunge {

/// The words of a command line that are no options. Each `--name value` goes to take(name, value).
/// OptionError for an option without a value, or one that take() does not know (returns false).
inline std::vector<std::string> words_of(
    int argc, char** argv,
    const std::function<bool(const std::string& name, const std::string& value)>& take) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name.rfind("--", 0) != 0) {
      words.push_back(name);
      continue;
    }
    if (i + 1 == argc) fail<OptionError>("option {}: a value required", name);
    if (!take(name, argv[++i])) fail<OptionError>("unknown option {}", name);
  }
  return words;
}

/// Sets the group's field of the option `--field`; false if there is none of that name.
inline bool take_field(const OptionGroup& group, const std::string& name,
                       const std::string& value) {
  for (const auto& field : group.fields()) {
    if ("--" + field.name != name) continue;
    field.parse(value);
    return true;
  }
  return false;
}

/// The first rows and columns of a matrix in a file, all where 0 is asked for. InputError if it has fewer.
inline torch::Tensor first_of(const std::string& path, int64_t rows, int64_t columns) {
  const auto array = map_npy(path);
  if (array.dim() != 2 || rows > array.size(0) || columns > array.size(1))
    fail<InputError>("{}: at least ({}, {}) required, got ({})", path, rows, columns,
                     fmt::join(array.sizes(), ", "));
  return array.narrow(0, 0, rows > 0 ? rows : array.size(0))
      .narrow(1, 0, columns > 0 ? columns : array.size(1))
      .clone(at::MemoryFormat::Contiguous);
}

/// Seconds that work() takes.
inline double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The same of each of `repeats` calls.
inline std::vector<double> seconds_of(int64_t repeats, const std::function<void()>& work) {
  std::vector<double> seconds;
  for (int64_t i = 0; i < repeats; ++i) seconds.push_back(seconds_of(work));
  return seconds;
}

/// peak_memory() as the JSON lines have it.
inline long long peak_mib() {
  return peak_memory() >> 20;
}

/// The exit code of run(): 1, with one line on standard error, if it throws.
inline int exit_code_of(const char* program, const std::function<void()>& run) {
  try {
    run();
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return EXIT_FAILURE;
  }
}

}  // namespace expunge
