// One peer: its link, what both sides have said, what it gave, and its one timer.
//
// State and small helpers; who is dialled, choked or closed is Swarm's work, blocks are Download's and Upload's.
// Invariants: 1. `owner` gets every completion and the timer, and closes the peer before it dies; 2. a closed peer
// stays readable until the end of the round and is in no table any more; 3. the timer is never later than deadline().
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "base/bitfield.hpp"
#include "engine/core.hpp"
#include "engine/link.hpp"
#include "policy/availability.hpp"
#include "policy/early_claims.hpp"
#include "policy/peer_list.hpp"
#include "policy/pipeline.hpp"
#include "policy/upload_queue.hpp"
#include "wire/extended.hpp"
#include "wire/handshake.hpp"
#include "wire/peer_wire.hpp"

namespace jst::engine {

/// Bounds what a peer may make us remember of its allowed-fast pieces (BEP 6 suggests 10).
inline constexpr std::size_t max_allowed_fast = 64;
/// Blocks that a peer may send unasked before it is closed: late answers to cancelled requests come in tens.
inline constexpr std::uint32_t max_unrequested_blocks = 300;
/// Requests that make no sense (out of range, not had, while choked long ago) before the peer is closed.
inline constexpr std::uint32_t max_bad_requests = 300;
/// So long after a choke requests come that were made before it was heard of: a slow line holds many.
inline constexpr Duration choke_is_news = seconds(10);
/// Messages that a peer need not have read yet before it counts as one that asks and does not listen.
inline constexpr std::uint64_t max_unread = 64 * 1024;

/// Metadata that a peer may send unasked before it is closed.
inline constexpr std::uint32_t max_unasked_metadata = 32;
/// How many times over a peer is served the whole metadata.
inline constexpr std::uint32_t max_metadata_copies = 4;
/// How often a peer may offer metadata and take the offer back before it is closed: each time all that others offer is
/// weighed anew.
inline constexpr std::uint32_t max_offers_taken_back = 32;

class PeerOwner {
  public:
    virtual ~PeerOwner() = default;
    virtual void on_connected(Peer& peer, Errc error, Time now) = 0;
    virtual void on_readable(Peer& peer, Time now) = 0;
    virtual void on_written(Peer& peer, Errc error, std::uint64_t wire, std::uint64_t payload, Time now) = 0;
    virtual void on_peer_timer(Peer& peer, Time now) = 0;
    /// The round ends: send what is queued.
    virtual void on_flush(Peer& peer, Time now) = 0;
};

/// What the peer claims to have.
struct Claims {
    Bitfield have;
    std::optional<policy::Counted> counted;  // how availability knows it
    bool may_claim = true;                   // a bitfield (or have_all, have_none) may still come
    std::vector<PieceIndex> allowed_fast;
    std::vector<PieceIndex> refused_fast;  // allowed, then refused while it choked us: not believed again
    // Below it the peer has nothing that we want: true until PiecePicker::growth() changes.
    PieceIndex wanted_from;
    std::uint64_t as_of_growth = 0;
};

/// What there is between us and it about the metadata.
struct MetadataTalk {
    std::unique_ptr<policy::EarlyClaims> early;  // until the pieces are known
    std::uint32_t unasked = 0;                   // data that we did not ask for
    std::uint32_t taken_back = 0;                // offers
    std::uint32_t served = 0;                    // pieces that it was sent
};

struct Choking {
    bool am_choking = true;
    bool am_interested = false;
    bool peer_choking = true;
    bool peer_interested = false;
    Time changed_at;          // when we last choked or unchoked it
    Time unchoked_since;      // when the peer last unchoked us
    Duration unchoked_total;  // earlier spells
};

struct Traffic {
    RateMeter down;
    RateMeter up;
    Counters counters;
    std::uint64_t received_unchoked = 0;
    Time last_sent;
    Time last_taken;            // when a write began or some of it went out
    bool took_nothing = false;  // of a write that was taken back: the next one is the same
    Time last_payload;
    Time left_unread = Time::never();  // when a limit kept us from reading what had come
    std::uint64_t said_instead = 0;    // bytes read of it since it owes, or gave a block that it owed
    Time owes_since;                   // when it was asked and owed nothing before
    std::uint64_t granted = 0;         // of the upload limits, for the write under way
    std::uint32_t unrequested = 0;
    std::uint64_t copied = 0;  // blocks that were read elsewhere than in their place
    std::uint32_t bad_requests = 0;
};

/// What the peer asked for and has not been sent.
struct Uploads {
    policy::UploadQueue queued;  // not read yet
    std::vector<Block> reading;  // with the disk
    bool waits = false;          // for memory: UploadTurns
};

struct Peer {
    Peer(Core& core, const Endpoint& address, bool incoming, policy::PeerSource source);

    void send(const wire::Message& message);
    bool fast() const noexcept { return ours.fast() && theirs.fast(); }
    bool is_connected() const noexcept { return state == PeerState::connected && !closed; }
    bool is_seed() const noexcept { return claims.have.size() > 0 && claims.have.all(); }
    runtime::Tag tag() const noexcept;
    /// Once more we answer. False: it reads no answers, and asked often enough all the same.
    bool may_ask() noexcept;
    /// Adds to the counters of the peer and of the session.
    void count(std::uint64_t Counters::* field, std::uint64_t n) noexcept;
    Byte* spare_block();
    Duration unchoked_for(Time now) const noexcept;
    PeerStatus status(Time now) const;

    Core& core;
    PeerKey key;
    std::uint32_t number;
    TorrentKey torrent;
    std::uint32_t torrent_number = runtime::no_index;
    Counters* torrent_counters = nullptr;
    PeerOwner* owner = nullptr;
    Endpoint address;
    std::optional<Endpoint> listed;  // how the peer list knows it: where it can be dialled
    bool incoming;
    policy::PeerSource source;
    PeerState state = PeerState::connecting;
    bool closed = false;
    bool touched = false;
    bool snubbed = false;
    bool waits_for_rate = false;    // not reading: the download limit is used up
    bool waits_for_memory = false;  // not reading: no buffer
    Time began;                     // dialled, accepted or connected
    double connected_at = 0;
    std::unique_ptr<Link> link;
    wire::PeerWire wire;
    std::optional<PeerId> id;
    wire::Reserved ours;
    wire::Reserved theirs;
    wire::ExtendedHandshake extended;
    Claims claims;
    MetadataTalk metadata;
    Choking choking;
    Traffic traffic;
    policy::Pipeline pipeline;
    Uploads uploads;
    std::unique_ptr<std::array<Byte, block_size>> spare;  // for a block whose own place is taken, while it arrives
    Timer timer;
};

/// The link goes to the graveyard, the peer is closed and out of the table.
void retire(Peer& peer, runtime::CloseMode mode);

}  // namespace jst::engine
