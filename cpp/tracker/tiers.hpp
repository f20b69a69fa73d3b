// The order in which trackers are asked (BEP 12): tier after tier; each tier shuffled once; who answers moves to its
// front.
//
// Knows numbers only; what they stand for, and when one may be asked, is the schedule's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/prng.hpp"

namespace jst::tracker {

using TrackerId = Index<struct TrackerTag>;

class Tiers {
  public:
    /// Takes the tiers over and shuffles each. Tiers whose members are all the same as before keep their order.
    void assign(std::vector<std::vector<TrackerId>> tiers, Prng& prng);
    /// It answered.
    void promote(TrackerId tracker) noexcept;

    const std::vector<std::vector<TrackerId>>& all() const noexcept { return tiers_; }
    /// The first in order for which `may(tracker)` holds; nullptr when there is none.
    template <class May>
    const TrackerId* first(May&& may) const {
        for (const auto& tier : tiers_)
            for (const TrackerId& tracker : tier)
                if (may(tracker)) return &tracker;
        return nullptr;
    }

  private:
    std::vector<std::vector<TrackerId>> tiers_;
};

}  // namespace jst::tracker
