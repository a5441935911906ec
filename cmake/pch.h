// Precompiled for every target: LibTorch's headers cost 6 seconds a file otherwise.
#pragma once
#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
