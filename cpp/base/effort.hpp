// How much was looked through, so that tests can hold it against what came from outside: bytes, messages, addresses.
//
// Counted only where bugs can be planted (base/planted.hpp): in what is shipped nothing of it is left. Like a plant, a
// site stands in a .cpp of a room that is built twice (cmake/planted.cmake).
#pragma once

#include <cstdint>

namespace jst {

#ifdef JST_PLANTED
inline std::uint64_t effort_so_far = 0;

inline void effort(std::uint64_t n = 1) noexcept { effort_so_far += n; }
#else
constexpr void effort(std::uint64_t = 1) noexcept {}
#endif

}  // namespace jst
