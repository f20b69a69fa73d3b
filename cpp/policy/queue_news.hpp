// What the queue does not know yet: the torrents that may wish something else, a few by name or all of them.
//
// So a torrent among thousands that changes costs a look at that one.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "base/slot_map.hpp"

namespace jst::policy {

class QueueNews {
  public:
    static constexpr std::size_t most_named = 16;

    /// One may wish something else, or has taken or lost its place by itself.
    void about(TorrentKey torrent) noexcept {
        any_ = true;
        if (all_ || std::find(torrents().begin(), torrents().end(), torrent) != torrents().end()) return;
        if (count_ == most_named) return about_all();
        named_[count_++] = torrent;
    }
    void about_all() noexcept { any_ = all_ = true; }
    /// The order or a limit.
    void about_order() noexcept { any_ = true; }

    bool any() const noexcept { return any_; }
    bool are_about_all() const noexcept { return all_; }
    std::span<const TorrentKey> torrents() const noexcept { return std::span(named_).first(count_); }

  private:
    std::array<TorrentKey, most_named> named_{};
    std::size_t count_ = 0;
    bool any_ = false;
    bool all_ = false;
};

}  // namespace jst::policy
