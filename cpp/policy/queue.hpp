// In which order torrents get the few active places, and who has one.
//
// Invariants: 1. every key stands in the order once; 2. at most active_downloads, active_seeds and active_checks run;
// 3. of two that wish the same, the one further up runs. Does not know what a torrent is: the owner says what it
// wishes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/slot_map.hpp"

namespace jst::policy {

enum class Wish : std::uint8_t { nothing, download, seed, check };

struct QueueLimits {
    std::optional<std::uint32_t> downloads;
    std::optional<std::uint32_t> seeds;
    std::optional<std::uint32_t> checks;
};

struct QueueEntry {
    TorrentKey torrent;
    Wish wish = Wish::nothing;
};

class Queue {
  public:
    /// At the bottom. False when it is there already.
    bool add(TorrentKey torrent);
    bool remove(TorrentKey torrent);
    /// A position past the end is the bottom. False when it is not there.
    bool move_to(TorrentKey torrent, std::size_t position);
    bool up(TorrentKey torrent);
    bool down(TorrentKey torrent);
    bool set_wish(TorrentKey torrent, Wish wish);
    /// Asks for the wish of each, from the top.
    template <class F>
    void ask_each(F&& wish_of) {
        for (auto& entry : order_) entry.wish = wish_of(entry.torrent);
    }

    std::optional<std::size_t> position(TorrentKey torrent) const noexcept;
    std::span<const QueueEntry> order() const noexcept { return order_; }
    /// Those that have a place, from the top.
    std::vector<TorrentKey> running(const QueueLimits& limits) const;

  private:
    std::vector<QueueEntry> order_;
};

}  // namespace jst::policy
