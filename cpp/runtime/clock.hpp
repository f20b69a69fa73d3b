// The two clocks of an engine and its one wake-up.
//
// mono_now: time-outs and rates; never goes back. wall_now: stamps that are saved or announced; may jump either way.
// There is one wake-up per runtime: the engine keeps its own timers and asks only for the next deadline.
#pragma once

#include "base/time.hpp"

namespace jst::runtime {

class Clock {
  public:
    virtual ~Clock() = default;
    /// The time of the running turn; it does not move within a turn.
    virtual Time mono_now() const noexcept = 0;
    virtual WallTime wall_now() const noexcept = 0;
    /// Host::on_wake once at or after `when`; replaces the wake-up asked before. Time::never() asks for none. A time
    /// that has passed means: in the next round.
    virtual void wake_at(Time when) = 0;
};

}  // namespace jst::runtime
