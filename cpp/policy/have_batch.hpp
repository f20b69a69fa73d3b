// Which finished pieces the peers of a torrent were not told of yet.
//
// Telling costs a write for each peer, and a fast download among many finishes a piece each millisecond: so everybody
// is told at once, and then not again for a while that grows with the number of peers. Does not know peers or pieces.
// Invariant: 1. nothing waits for longer than `longest`, when the owner comes at due().
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace jst::policy {

class HaveBatch {
  public:
    /// A write takes some 15 us: less than a tenth of the time goes to telling, a sixth among a thousand.
    static constexpr Duration for_each_peer = microseconds(200);
    static constexpr Duration longest = milliseconds(100);

    void add(PieceIndex piece) { untold_.push_back(piece); }
    bool empty() const noexcept { return untold_.empty(); }
    /// When to tell; the past: now.
    Time due(std::size_t peers) const noexcept {
        return told_at_ +
               std::min(longest, for_each_peer * static_cast<std::int64_t>(std::min<std::size_t>(peers, 1000)));
    }
    std::vector<PieceIndex> take(Time now) {
        told_at_ = now;
        return std::exchange(untold_, {});
    }

  private:
    std::vector<PieceIndex> untold_;
    Time told_at_{-longest.ns};
};

}  // namespace jst::policy
