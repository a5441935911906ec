// The parts of expunge desk that stand in files of their own.
#pragma once

#include <CLI/CLI.hpp>

#include "command.h"
#include "expunge/desk/status.h"

namespace expunge::app {

void register_desk_rehearse(CLI::App& parent);
void register_desk_serve(CLI::App& parent);

}  // namespace expunge::app
