// For clang, put before every file (CMakeLists.txt).
//
// nlohmann-json 3.11 asks whether [[no_unique_address]] is there in a way that GCC answers yes to and clang no: an ordered
// object is then 24 bytes here and 32 there. scripts/analyse links objects of both compilers.
#pragma once
#ifdef __cplusplus

#include <nlohmann/detail/macro_scope.hpp>
#undef JSON_NO_UNIQUE_ADDRESS
#define JSON_NO_UNIQUE_ADDRESS [[no_unique_address]]

#endif
