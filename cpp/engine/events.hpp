// What the engine tells: one flat value per event, and the stable words that go with them.
//
// The engine appends to an EventLog; the binding drains it at the end of each round. An event that nobody listens to is
// not made: `wants(kind)` is asked before. Knows nothing of queues, threads or Python.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/slot_map.hpp"
#include "base/time.hpp"
#include "tracker/announce.hpp"

namespace jst::engine {

enum class State : std::uint8_t {
    queued,
    checking,
    fetching_metadata,
    downloading,
    stalled,
    seeding,
    paused,
    stopped,
    error,
    removed,
};
std::string_view word(State state) noexcept;

/// Why a link ended. Only protocol_error, bad_data and banned are held against the address.
enum class CloseReason : std::uint8_t {
    closed,
    reset,
    connect_failed,
    connect_timeout,
    handshake_timeout,
    inactive,
    protocol_error,
    bad_data,
    banned,
    duplicate,
    self,
    unknown_torrent,
    limit,
    replaced,
    both_seeds,
    useless,
    paused,
    stopped,
    removed,
    shutdown,
};
std::string_view word(CloseReason reason) noexcept;

enum class EventKind : std::uint8_t {
    state_changed,
    metadata_received,
    peer_connected,
    peer_disconnected,
    block_received,
    piece_completed,
    piece_failed,
    file_completed,
    files_moved,
    peers_discovered,
    announce_completed,
    announce_failed,
    torrent_failed,
    torrent_removed,
    peer_banned,
    accept_failed,
    record_rejected,
};

struct Event {
    EventKind kind = EventKind::state_changed;
    Time time;
    TorrentKey torrent;
    State old_state = State::queued;
    State new_state = State::queued;
    CloseReason reason = CloseReason::closed;
    bool incoming = false;
    Endpoint address;                 // of peer events; the host of peer_banned; of accept_failed: our own
    Block block;                      // of block and piece events
    std::uint32_t number = 0;         // file index; count of peers discovered
    std::vector<Endpoint> addresses;  // piece_failed: who contributed
    Error error;                      // torrent_failed, record_rejected
    std::string text;                 // path, url, source, reason word; of record_rejected where it is kept
    std::string message;              // announce_failed
    tracker::Counts counts;           // announce_completed
    std::optional<Duration> wait;     // until the tracker is asked again; announce_failed without: never
};

class EventLog {
  public:
    /// One bit per EventKind; block_received only when a stream named it.
    void listen(std::uint32_t kinds) noexcept { kinds_ = kinds; }
    bool wants(EventKind kind) const noexcept { return (kinds_ >> static_cast<unsigned>(kind) & 1u) != 0; }
    void add(Event event) {
        if (wants(event.kind)) events_.push_back(std::move(event));
    }
    std::vector<Event> take() noexcept { return std::exchange(events_, {}); }
    bool empty() const noexcept { return events_.empty(); }

  private:
    std::uint32_t kinds_ = 0;
    std::vector<Event> events_;
};

}  // namespace jst::engine
