// What the parts of one engine share: the world, settings, memory, timers, limits, and the tables of torrents and
// peers.
//
// A registry, not an actor: it decides nothing. Peers and torrents are looked up by key; a dead key is a normal case.
// Order of members is order of life: pools and queues outlive everything that holds a part of them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/buffer.hpp"
#include "base/network.hpp"
#include "base/rate.hpp"
#include "base/slot_map.hpp"
#include "engine/events.hpp"
#include "engine/rivals.hpp"
#include "engine/settings.hpp"
#include "engine/stats.hpp"
#include "engine/timers.hpp"
#include "engine/upload_turns.hpp"
#include "policy/address_turns.hpp"
#include "policy/bans.hpp"
#include "policy/limits.hpp"
#include "policy/queue_news.hpp"
#include "runtime/runtime.hpp"
#include "wire/receive_scratch.hpp"

namespace jst::engine {

class Inquiries;
class Torrent;
struct Peer;
class Link;

/// Timers fired in one turn; the rest waits for the next round.
inline constexpr std::uint64_t max_expiries_per_turn = 1000;

/// Of max_half_open a sixteenth, and at most so many places, are kept for each direction: neither shuts the other out.
inline constexpr std::uint64_t most_places_kept = 8;

/// Both directions of a rate limit, for a session or a torrent.
struct Throttle {
    policy::RateLimit down;
    policy::RateLimit up;
};

/// How fast both directions flow.
struct Rates {
    RateMeter down;
    RateMeter up;
};

class Core {
  public:
    Core(runtime::Runtime& runtime, Settings initial, const PeerId& id);
    ~Core();

    Time now() const noexcept { return rt.clock.mono_now(); }
    double unix_now() const noexcept { return rt.clock.wall_now().seconds(); }
    Torrent* torrent(TorrentKey key) const noexcept;
    Peer* peer(PeerKey key) const noexcept;

    /// The peer has something to write, or its send queue moved: looked at when the round ends.
    void touch(Peer& peer);
    void touch(Torrent& torrent);
    /// Work that did not fit into this round goes on in the next.
    void wake_soon() noexcept { wake_soon_ = true; }
    bool take_wake_soon() noexcept { return std::exchange(wake_soon_, false); }
    void emit(EventKind kind, TorrentKey torrent, Event details);
    /// Links of the host end when the round does. Told of once, however often it is banned until that ban is over.
    bool ban(const IpAddress& host, policy::BanReason reason, Duration duration, Time now);
    /// The setting address_filter: neither dialled nor accepted.
    bool is_filtered(const IpAddress& host) const noexcept;
    /// When the filter has changed: links to whom it names end with the round.
    void close_filtered();
    /// Takes new settings; limits and pools follow.
    void apply(const Settings& changed);
    /// The local address that dials to `host` start from: the one we listen on when it is a particular one.
    IpAddress dial_from(const IpAddress& host) const noexcept;

    /// One more dial may be half open.
    bool may_dial() const noexcept;
    /// How many links may wait at the door, beside the dials that are half open.
    Limit places_at_door() const noexcept;
    /// A link ended, or is no longer half open: who waits for that is asked when the round ends.
    void place_freed() noexcept { place_freed_ = true; }
    bool has_freed_place() const noexcept { return place_freed_; }
    bool take_place_freed() noexcept { return std::exchange(place_freed_, false); }

    /// Memory for pieces being received, over all torrents; what is uploaded has the rest of the pool.
    std::uint64_t download_memory() const noexcept;
    std::uint64_t reserved() const noexcept { return reserved_; }
    void promise(std::uint64_t bytes) noexcept { reserved_ += bytes; }
    void unreserve(std::uint64_t bytes) noexcept;

    /// What a link had sent when it was closed, and was told only now.
    void count_late(std::uint32_t torrent_number, std::uint64_t wire, std::uint64_t payload) noexcept;

    /// All links to and from a host, or an IPv6 network of 64 bits, at the door, half open and connected.
    std::uint32_t links_of(const IpAddress& host) const noexcept;

    /// Enters a new peer in the table.
    Peer& adopt(std::unique_ptr<Peer> peer);
    /// Takes a closed peer out: its link ends and is buried until the world lets go of it.
    void retire(Peer& peer, runtime::CloseMode mode);
    /// Called when the round ends: what was closed in it is destroyed, graves that are idle are cleared.
    void bury_dead();

    runtime::Runtime& rt;
    Settings settings;
    const PeerId peer_id;
    BufferPool pool;
    TimerQueue timers;
    UploadTurns upload_turns;  // memory for what is sent: the rest
    EventLog events;
    const std::uint32_t tracker_key;    // what trackers know us by when our address changes
    const std::uint32_t upload_secret;  // of the order in which UploadQueue looks
    wire::ReceiveScratch scratch;
    policy::Bans bans;
    policy::AddressTurns address_turns;  // of trackers' names
    Throttle throttle;
    Counters counters;
    RateMeter down_rate;
    RateMeter up_rate;
    Places places;
    std::vector<IpAddress> listen_hosts;
    std::optional<std::uint16_t> listen_port;
    policy::QueueNews queue_news;
    bool healthy = true;
    bool closing = false;
    bool cut = false;             // closing at once: links are aborted
    std::uint32_t connected = 0;  // peers with a finished handshake
    std::uint32_t half_open = 0;  // links without
    std::uint32_t at_door = 0;    // of those: came in, and have not shown their handshake
    std::uint32_t numbers = 0;    // running numbers of torrents and peers
    std::uint64_t send_buffered = 0;
    std::uint64_t hashing = 0;  // bytes of whole pieces in memory whose hash is not known
    std::uint64_t writing = 0;  // bytes of pieces that are being written
    std::uint64_t max_expiries = 0;

    std::unique_ptr<Inquiries> inquiries;  // to trackers
    SlotMap<std::unique_ptr<Torrent>, TorrentKey> torrents;
    SlotMap<std::unique_ptr<Peer>, PeerKey> peers;
    std::vector<IpAddress> newly_banned;
    std::vector<PeerKey> touched_peers;
    std::vector<TorrentKey> touched_torrents;
    std::vector<TorrentKey> waiting_for_quiet;     // would move their files
    bool is_forgetful = false;                     // the state_dir could not be opened: nothing is recorded
    std::vector<TorrentKey> waiting_for_room;      // would dial, were it not for limits of the session; in turn
    std::vector<std::unique_ptr<Link>> graveyard;  // links that ended with operations still out
    std::vector<std::unique_ptr<Peer>> dead;       // peers that were closed in this round

  private:
    std::vector<Network> filter_;
    std::map<IpAddress, std::uint32_t> links_;  // of each one_host() that has one
    std::uint64_t reserved_ = 0;
    bool wake_soon_ = false;
    bool place_freed_ = false;
};

}  // namespace jst::engine
