// What this program runs on: for reports, `expunge doctor`, and the record beside results.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace expunge {

/// The processor's name as the system gives it.
std::string cpu_name();
/// The newest instruction set of this CPU that matters here: "AVX-512", "AVX2", "SSE2", or the
/// architecture's name.
std::string instruction_set();

/// Versions of expunge and its libraries and the machine, as name and value.
std::vector<std::pair<std::string, std::string>> describe_environment();

}  // namespace expunge
