// For how long a torrent has been active and seeding, over all sessions: what its states say, spell by spell.
//
// It knows no clock: the end of the present spell is an argument.
#pragma once

#include "base/time.hpp"
#include "engine/events.hpp"

namespace jst::engine {

struct RunningTime {
    Duration active;
    Duration seeding;
    Time counted_to;

    /// With the spell in this state that goes on.
    RunningTime until(State state, Time now) const noexcept {
        const Duration spell = now - counted_to;
        const bool seeds = state == State::seeding;
        const bool runs = seeds || state == State::downloading || state == State::stalled;
        return {runs ? active + spell : active, seeds ? seeding + spell : seeding, now};
    }
};

}  // namespace jst::engine
