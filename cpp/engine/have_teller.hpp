// Tells the peers of a torrent which pieces it finished, all that came together in one write (policy::HaveBatch).
#pragma once

#include "engine/core.hpp"
#include "engine/timers.hpp"
#include "policy/have_batch.hpp"

namespace jst::engine {

class Torrent;

class HaveTeller {
  public:
    HaveTeller(Core& core, Torrent& torrent);

    void add(PieceIndex piece, Time now);
    /// Now. Whoever joins after that hears of them with all the others.
    void tell(Time now);

  private:
    Core& core_;
    Torrent& torrent_;
    policy::HaveBatch batch_;
    Timer timer_;
};

}  // namespace jst::engine
