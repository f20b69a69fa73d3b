// Memory for what is sent, over all torrents of a session, and whose turn it is when more want some than there is.
//
// While it is short, all who hold some or wait have equal shares, and who waits is served in turn. Who holds more than
// its share gives back what is not on its way: it is read again later. Where those who take nothing hold most of it by
// what is on its way, they lose their links. Costs nothing while there is enough. Does not know what is read (Upload).
// Invariants: 1. never more than most() blocks are out; 2. a peer waits in one place; 3. while it is short nobody is
// given more than share().
#pragma once

#include <cstdint>
#include <deque>

#include "base/buffer.hpp"
#include "base/slot_map.hpp"
#include "engine/timers.hpp"

namespace jst::engine {

class Core;
struct Peer;

class UploadTurns {
  public:
    /// Shares are measured anew, and what is beyond them taken back, so seldom: everybody is looked at.
    static constexpr Duration look_interval = seconds(1);
    /// Who takes nothing for so long may lose its link,
    static constexpr Duration deaf_after = seconds(20);
    /// and does, when such peers hold more than so many quarters of the memory that others wait for.
    static constexpr std::uint64_t most_lost_quarters = 3;

    explicit UploadTurns(Core& core);

    /// Empty when there is none.
    BlockBuffer acquire();
    void release() noexcept { --used_; }

    /// From the first who waited until nobody waits and half of it is free.
    bool is_short() const noexcept { return short_; }
    /// Blocks that one peer may hold while it is.
    std::uint64_t share() const noexcept { return share_; }
    /// Those of the peer.
    static std::uint64_t held(const Peer& peer) noexcept;
    /// It has its turn when a round ends and memory is free.
    void wait(Peer& peer);
    void on_round_end(Time now);

  private:
    std::uint64_t most() const noexcept;
    void look(Time now);
    void close_deaf(Time now);

    Core& core_;
    std::uint64_t used_ = 0;
    std::uint64_t share_ = 1;
    bool short_ = false;
    Time next_look_{0};
    std::deque<PeerKey> waiting_;
    Timer timer_;
};

}  // namespace jst::engine
