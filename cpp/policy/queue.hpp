// In which order torrents get the few active places, and who has one.
//
// Invariants: 1. every key stands in the order once; 2. at most active_downloads, active_seeds and active_checks run
// that are not slow, and at most active_torrents download or seed, slow or not; 3. of two that wish the same and are
// not slow, the one further up runs. Does not know what a torrent is: the owner says what it wishes and what it moved.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/slot_map.hpp"
#include "policy/pace.hpp"
#include "policy/queue_news.hpp"

namespace jst::policy {

enum class Wish : std::uint8_t { nothing, download, seed, check };

struct QueueLimits {
    std::optional<std::uint32_t> downloads;
    std::optional<std::uint32_t> seeds;
    std::optional<std::uint32_t> checks;
    std::optional<std::uint32_t> torrents;  // that download or seed
};

struct QueueEntry {
    TorrentKey torrent;
    Wish wish = Wish::nothing;
    Wish seated = Wish::nothing;  // what it has its place for
    Wish told = Wish::nothing;    // what the owner knows of that
    Pace pace;                    // of that

    bool moves() const noexcept { return seated == Wish::download || seated == Wish::seed; }
};

/// Judgements wait for the next of so many moments in a span, so that many torrents share one.
inline constexpr std::int64_t judgements_per_span = 8;

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
    /// What a torrent wishes, and the place that it believes it has.
    struct Answer {
        Wish wish = Wish::nothing;
        Wish place = Wish::nothing;
    };
    /// Asks those the news are about.
    template <class F>
    void ask(const QueueNews& news, F&& answer_of) {
        const auto note = [&](QueueEntry& entry) {
            const Answer answer = answer_of(entry.torrent);
            entry.wish = answer.wish;
            entry.told = answer.place;
        };
        if (news.are_about_all())
            for (auto& entry : order_) note(entry);
        else
            for (const TorrentKey torrent : news.torrents())
                if (const auto at = position(torrent)) note(order_[*at]);
    }
    /// Tells each whose place changed, from the top; false: it was not told, and will be another time.
    template <class F>
    void tell(F&& told) {
        for (std::size_t i = 0; i < order_.size(); ++i) {
            const QueueEntry entry = order_[i];
            if (entry.told != entry.seated && told(entry)) order_[i].told = entry.seated;
        }
    }

    std::optional<std::size_t> position(TorrentKey torrent) const noexcept;
    std::span<const QueueEntry> order() const noexcept { return order_; }
    /// Those that get a place, from the top.
    std::vector<TorrentKey> running(const QueueLimits& limits) const;
    /// Nobody is slow any more.
    void measure_nobody() noexcept {
        for (auto& entry : order_) entry.pace.end();
    }
    /// What running() said holds from now on. `moved_of`: the payload of a torrent so far, in the direction of its
    /// wish; without `measures` nobody is measured from now on.
    template <class F>
    void seat(std::span<const TorrentKey> running, bool measures, Time now, F&& moved_of) {
        auto next = running.begin();
        for (auto& entry : order_) {
            const bool runs = next != running.end() && *next == entry.torrent;
            if (runs) ++next;
            const Wish before = std::exchange(entry.seated, runs ? entry.wish : Wish::nothing);
            if (!measures || !entry.moves())
                entry.pace.end();
            else if (before != entry.seated || !entry.pace.is_measured())
                entry.pace.begin(now, moved_of(entry));
        }
    }
    /// True when somebody became slow, or is not any more.
    template <class F>
    bool judge(const PaceLimits& limits, Time now, F&& moved_of) {
        bool changed = false;
        for (auto& entry : order_)
            if (entry.pace.due(limits) <= now) changed = entry.pace.judge(limits, now, moved_of(entry)) || changed;
        return changed;
    }
    Time next_judgement(const PaceLimits& limits) const noexcept;

  private:
    std::vector<QueueEntry> order_;
};

}  // namespace jst::policy
