// Bugs on purpose: `if (planted<Plant::name>())` stands where base/plants.def says what breaks.
//
// In what is shipped it is a constant, false, and nothing of it is left. The target `planted` compiles the rooms that
// have sites once more with JST_PLANTED; there one plant at a time is chosen at run time.
#pragma once

namespace jst {

enum class Plant {
    none,
#define JST_PLANT(name, what, requirement) name,
#include "base/plants.def"
#undef JST_PLANT
};

#ifdef JST_PLANTED
inline Plant chosen_plant = Plant::none;

template <Plant P>
bool planted() noexcept {
    return chosen_plant == P;
}
#else
template <Plant P>
constexpr bool planted() noexcept {
    return false;
}
#endif

}  // namespace jst
