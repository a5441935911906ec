// For clang with libstdc++ in C++20, put before every file (CMakeLists.txt).
//
// There std::vector's functions are constexpr, and clang instantiates them as soon as a header mentions
// them: LibTorch 1.13 has vectors of a type that is complete only later. Without constexpr it waits.
#pragma once
#ifdef __cplusplus

#include <bits/c++config.h>
#if defined(__GLIBCXX__) && defined(_GLIBCXX20_CONSTEXPR)

// Declared as constexpr in the first header, defined in <vector>: it must be the same in both.
namespace std {
struct _Bit_iterator;
void __fill_a1(_Bit_iterator, _Bit_iterator, const bool&);
}  // namespace std
#define _Bit_iterator _Bit_iterator_of_none
#include <bits/stl_algobase.h>
#undef _Bit_iterator

// What else <vector> is made of keeps its constexpr.
#include <bits/allocator.h>
#include <bits/functional_hash.h>
#include <bits/range_access.h>
#include <bits/refwrap.h>
#include <bits/stl_construct.h>
#include <bits/stl_uninitialized.h>

#include <compare>
#include <initializer_list>

#pragma push_macro("_GLIBCXX20_CONSTEXPR")
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#include <vector>
#pragma pop_macro("_GLIBCXX20_CONSTEXPR")

#endif
#endif
