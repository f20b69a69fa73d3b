// Snapshots: plain values that say how a session, a torrent, a piece, a file or a peer stands. They never become
// invalid.
//
// Unknown is nullopt, never 0 or -1. Counters add up exactly: payload_received == payload_verified + payload_failed +
// payload_redundant + payload_discarded + payload_partial, for a session, a torrent and a peer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "codec/info_hash.hpp"
#include "engine/events.hpp"
#include "engine/running_time.hpp"
#include "storage/resume.hpp"

namespace jst::engine {

struct Counters {
    std::uint64_t payload_received = 0;
    std::uint64_t payload_verified = 0;
    std::uint64_t payload_failed = 0;
    std::uint64_t payload_redundant = 0;
    std::uint64_t payload_discarded = 0;
    std::uint64_t payload_partial = 0;
    std::uint64_t payload_sent = 0;
    std::uint64_t wire_received = 0;
    std::uint64_t wire_sent = 0;
    std::uint64_t pieces_failed = 0;

    Counters& operator+=(const Counters& other) noexcept;
    friend bool operator==(const Counters&, const Counters&) = default;
};

/// What a record keeps of counters: payload that waits for its piece is left out.
storage::SavedTotals totals_of(const Counters& c, const RunningTime& times) noexcept;
Counters counters_of(const storage::SavedTotals& totals) noexcept;

enum class LimitedBy : std::uint8_t { nothing, no_peers, choked, rate_limit, disk, hashing, peers };
std::string_view word(LimitedBy cause) noexcept;

struct TorrentStatus {
    Time time;
    State state = State::queued;
    std::optional<Error> error;
    std::string error_where;  // the path of a disk error
    std::string error_message;
    double progress = 0;
    std::uint64_t wanted = 0;
    std::uint64_t wanted_verified = 0;
    std::optional<std::uint64_t> total_size;
    std::optional<std::uint32_t> num_pieces;
    std::uint32_t pieces_complete = 0;
    std::uint32_t active_pieces = 0;
    bool in_endgame = false;
    std::uint64_t download_rate = 0;
    std::uint64_t upload_rate = 0;
    std::optional<double> eta;
    std::optional<double> ratio;
    std::uint32_t num_peers = 0;
    std::uint32_t num_seeds = 0;
    std::uint32_t num_unchoked = 0;  // by us
    std::uint32_t num_known = 0;
    std::uint32_t queue_position = 0;
    std::string save_path;
    double added_at = 0;
    std::optional<double> completed_at;
    double active_time = 0;
    double seeding_time = 0;
    LimitedBy limited_by = LimitedBy::nothing;
    Counters counters;
    bool complete = false;  // every wanted piece verified and on disk
    bool sequential = false;
    double metadata_progress = 1.0;
    codec::InfoHashes hashes;
    std::string name;
    std::string magnet;
};

struct SessionStatus {
    Time time;
    std::uint64_t download_rate = 0;
    std::uint64_t upload_rate = 0;
    std::uint32_t num_torrents = 0;
    std::uint32_t num_peers = 0;
    std::uint32_t num_half_open = 0;
    std::uint32_t num_pending_incoming = 0;
    std::uint64_t sockets = 0;
    std::uint64_t memory = 0;
    std::uint64_t memory_peak = 0;
    std::uint64_t send_buffered = 0;
    std::uint64_t disk_operations = 0;
    std::uint64_t hash_jobs = 0;
    std::uint64_t timers = 0;
    std::uint64_t max_expiries = 0;
    std::uint32_t draining = 0;
    std::uint32_t dht_nodes = 0;
    std::uint64_t bytes_copied = 0;
    Counters counters;
    Counters totals;  // of all sessions of this state_dir; of earlier ones what was judged when they ended
};

enum class PieceState : std::uint8_t { missing, incomplete, verifying, complete };

struct PieceStatus {
    std::uint32_t index = 0;
    std::uint32_t size = 0;
    PieceState state = PieceState::missing;
    std::uint32_t blocks_total = 0;
    std::uint32_t blocks_received = 0;
    std::uint32_t pending_requests = 0;
    std::vector<Endpoint> requested_from;
};

struct FileStatus {
    std::uint32_t index = 0;
    std::string path;
    std::uint64_t size = 0;
    std::uint8_t priority = 4;
    std::uint64_t verified = 0;
    double progress = 0;
};

enum class PeerState : std::uint8_t { connecting, handshake, connected };

struct PeerStatus {
    Endpoint address;
    std::optional<PeerId> peer_id;
    std::optional<std::string> client;
    std::string source;
    bool incoming = false;
    double progress = 0;
    std::uint64_t download_rate = 0;
    std::uint64_t upload_rate = 0;
    std::optional<std::uint64_t> unchoked_rate;
    bool am_choking = true;
    bool am_interested = false;
    bool peer_choking = true;
    bool peer_interested = false;
    std::uint32_t outstanding = 0;
    std::uint32_t upload_queued = 0;
    std::uint64_t send_buffered = 0;
    bool snubbed = false;
    bool on_parole = false;
    std::uint32_t hash_failures = 0;
    PeerState state = PeerState::connecting;
    std::optional<double> connected_at;
    Counters counters;
};

struct TrackerStatus {
    std::string url;
    std::uint32_t tier = 0;
    std::string state = "idle";
    std::string message;
    std::uint32_t failures = 0;
    std::optional<double> next_announce;
    std::optional<std::uint32_t> seeds;
    std::optional<std::uint32_t> leechers;
    std::optional<IpAddress> external_ip;  // ours, as it said
};

struct BanStatus {
    IpAddress host;
    std::string reason;
    double since_at = 0;
    std::optional<double> until_at;
};

}  // namespace jst::engine
