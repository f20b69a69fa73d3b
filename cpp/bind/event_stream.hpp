// One subscription to events: a bounded queue between the engine thread and one reader.
//
// Decides what a full stream gives up. Frequent events are dropped and counted by one marker in the place of the first;
// a state change is merged into the waiting one of its torrent (first old, last new). What happens a few times in the
// life of a torrent is kept beyond the bound, in a reserve. Raised while there is something to take, or when it has
// ended.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "bind/exchange.hpp"
#include "codec/metainfo.hpp"
#include "engine/events.hpp"

namespace jst::bind {

constexpr std::uint32_t mask_of(engine::EventKind kind) noexcept { return 1u << static_cast<unsigned>(kind); }

/// A full stream keeps so many more events of the kinds that nobody can do without (or as many as it holds, if more).
inline constexpr std::size_t kept_reserve = 1000;

struct StreamItem {
    engine::Event event;
    std::shared_ptr<const codec::Metainfo> metainfo;  // of metadata_received
    std::uint64_t dropped = 0;                        // not 0: events were dropped here, `event` has only a time
};

class EventStream final : public Signal {
  public:
    EventStream(std::shared_ptr<Exchange> exchange, std::uint32_t kinds, std::optional<TorrentKey> torrent,
                std::size_t most)
        : Signal(std::move(exchange)), kinds_(kinds), torrent_(torrent), most_(most) {}

    // -- under the mutex
    std::uint32_t kinds() const noexcept { return is_closed_ ? 0 : kinds_; }
    bool wants(const engine::Event& event) const noexcept;
    void push(StreamItem item);
    /// Nothing comes any more; what waits may still be taken.
    void end();
    bool has_ended() const noexcept { return is_ended_; }
    bool is_closed() const noexcept { return is_closed_; }
    std::size_t waiting() const noexcept { return items_.size(); }

    // -- from Python
    std::optional<StreamItem> take();
    /// Ends and drops what waits.
    void close();

  private:
    bool merge(const engine::Event& event);
    void drop(Time when);

    std::deque<StreamItem> items_;
    std::uint32_t kinds_;
    std::optional<TorrentKey> torrent_;
    std::size_t most_;
    bool has_marker_ = false;  // of dropped events, among items_
    bool is_ended_ = false;
    bool is_closed_ = false;
};

}  // namespace jst::bind
