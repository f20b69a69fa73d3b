// The single owner of block state: which blocks of the active pieces are missing, asked for (from whom, since when), on
// their way into a leased slot, or received. Every way in which a request can end goes through here (BEP 3, BEP 6).
//
// Invariants: 1. a block is missing, requested (1..max_copies peers) or received; 2. a request is in the queue of its
// peer and in the list of its block, or in neither; 3. at most one peer holds the lease of a block; 4. a piece all of
// whose blocks are received is `verifying` and has neither request nor lease; 5. what ends a request frees the peer's
// slot exactly once. Does not know what peers have, which pieces are wanted (piece_picker) or where the bytes are.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/slot_map.hpp"
#include "base/time.hpp"
#include "policy/geometry.hpp"
#include "policy/request_queue.hpp"

namespace jst::policy {

/// A block is asked from at most so many peers at once (bounds the setting endgame_copies).
inline constexpr std::uint32_t max_copies = 8;
/// For so many withdrawn requests of a peer an answer is still recognised as late.
inline constexpr std::size_t max_withdrawn = 2048;
/// A peer that rejected a block is not asked for it again so soon, when others have it.
inline constexpr Duration reject_avoidance = seconds(10);

enum class Verdict : std::uint8_t {
    accepted,     // asked for, now received
    late,         // the request was withdrawn, but the block was still missing: received
    duplicate,    // we had it
    unrequested,  // this peer was never asked for it
    unwanted,     // it was asked once, its piece is no longer active
    wrong_shape,  // no block of this torrent
};
/// Where the bytes belong in the counters.
enum class PayloadBucket : std::uint8_t { partial, redundant, discarded };

struct PeerBlock {
    PeerKey peer;
    Block block;
    friend constexpr bool operator==(const PeerBlock&, const PeerBlock&) = default;
};

struct Arrival {
    Verdict verdict = Verdict::wrong_shape;
    bool asked = false;           // of this peer, and not answered before
    bool piece_complete = false;  // the piece is `verifying` from now on
    PeerKey revoked;              // held the lease: the rest of its frame must go to scratch
    Duration waited;              // from asking to now, when the verdict is accepted
    std::array<PeerKey, max_copies> cancel_list{};
    std::uint32_t num_cancels = 0;

    bool stored() const noexcept { return verdict == Verdict::accepted || verdict == Verdict::late; }
    PayloadBucket bucket() const noexcept;
    /// Send CANCEL to these; their slots are free already.
    std::span<const PeerKey> cancels() const noexcept { return {cancel_list.data(), num_cancels}; }
};

/// Who gave a block; the host outlives the link.
struct Contribution {
    Block block;
    PeerKey peer;
    IpAddress host;
};

enum class PieceProgress : std::uint8_t { inactive, downloading, verifying };

struct ActiveStatus {
    PieceProgress progress = PieceProgress::inactive;
    std::uint32_t blocks_total = 0;
    std::uint32_t blocks_received = 0;
    std::uint32_t blocks_missing = 0;  // neither received nor asked for
    std::uint32_t pending_requests = 0;
    Time started_at{0};
    Time last_block{0};          // or when it became active
    PeerKey exclusive;           // on parole: nobody else is asked
    PeerKey given_up_by;         // who was asked alone and did not give
    std::uint32_t let_down = 0;  // since its last block: how often one block was not given in time, or refused
};

class RequestLedger {
  public:
    explicit RequestLedger(const Geometry& geometry = {});

    // Peers.
    void on_join(PeerKey peer, const IpAddress& host, bool fast);
    void on_disconnect(PeerKey peer);
    /// Without Fast (BEP 6) everything that was asked is withdrawn; with it, each request waits for its answer or
    /// time-out.
    void on_choke(PeerKey peer);
    void on_unchoke(PeerKey peer);

    // Requests.
    /// Makes the piece active. No effect when it is.
    void start(PieceIndex piece, Time now);
    /// Makes the piece active, with the blocks that are flagged received already, from nobody that is known. Not twice.
    void restore(PieceIndex piece, std::span<const Byte> blocks, Time now);
    /// Asks `peer` for up to `n` missing blocks of an active piece, lowest first; appends them. `others`: somebody else
    /// has the piece, so blocks that this peer let time out or rejected lately are left for them.
    std::uint32_t request_missing(PieceIndex piece, PeerKey peer, std::uint32_t n, bool others, Time now,
                                  std::vector<Block>& out);
    /// Asks `peer` also for up to `n` blocks that exactly `copies` other peers are asked for, the last of them not
    /// after `asked_by`.
    std::uint32_t request_copies(PieceIndex piece, PeerKey peer, std::uint32_t copies, std::uint32_t n, Time asked_by,
                                 Time now, std::vector<Block>& out);
    /// Asks for one block by hand. False when it cannot be asked: not active, received, asked already, max_copies.
    bool on_request(PeerKey peer, const Block& block, Time now);
    /// `have`: the piece of the block is verified already.
    Arrival on_block(PeerKey peer, const Block& block, bool have, Time now);
    /// True when it was outstanding.
    bool on_reject(PeerKey peer, const Block& block, Time now);
    /// True when it was outstanding: send CANCEL.
    bool cancel(PeerKey peer, const Block& block);
    /// Withdraws all requests of a piece (it is no longer wanted); appends the CANCELs to send.
    void cancel_piece(PieceIndex piece, std::vector<PeerBlock>& cancels);
    /// Withdraws what has expired (send no CANCEL: an answer is still welcome) and appends it.
    void expire(Time now, Duration timeout, std::vector<PeerBlock>& expired);
    void expire(PeerKey peer, Time now, Duration timeout, std::vector<PeerBlock>& expired);
    Time next_deadline(Duration timeout) const noexcept;
    Time deadline(PeerKey peer, Duration timeout) const noexcept;

    // Leases: which peer may write into the place of a block. Several at once for predicted frames.
    /// Granted when the peer was asked for the block, which is not received, and nobody else holds the lease.
    bool lease(PeerKey peer, const Block& block);
    void release_lease(PeerKey peer, const Block& block);
    bool is_leased(const Block& block) const noexcept;

    // Pieces. Each ends the piece's being active; the owner tells the picker.
    /// Hash and write are done. Returns its bytes: from partial to verified.
    std::uint64_t on_verified(PieceIndex piece);
    /// Returns its bytes: from partial to failed. Read contributions() first.
    std::uint64_t on_hash_failed(PieceIndex piece);
    /// Gives up what was received. Returns those bytes: from partial to discarded. `revoked`: frames that must go to
    /// scratch.
    std::uint64_t abandon(PieceIndex piece, std::vector<PeerBlock>& cancels, std::vector<PeerBlock>& revoked);
    /// Only `peer` is asked for blocks of this piece, until it leaves, lets a request time out or rejects one.
    void set_exclusive(PieceIndex piece, PeerKey peer);

    // Questions.
    bool knows(PeerKey peer) const noexcept { return find(peer) != nullptr; }
    const Geometry& geometry() const noexcept { return geometry_; }
    std::span<const Request> outstanding(PeerKey peer) const noexcept;
    bool is_outstanding(PeerKey peer, const Block& block) const noexcept;
    /// It was asked for the block once; an answer is late, and welcome.
    bool is_withdrawn(PeerKey peer, const Block& block) const noexcept;
    /// The same, and the answer came: true once for each request.
    bool take_withdrawn(PeerKey peer, const Block& block) noexcept;
    bool is_active(PieceIndex piece) const noexcept { return slots_of_.contains(piece.value); }
    bool is_received(const Block& block) const noexcept;
    ActiveStatus status(PieceIndex piece) const noexcept;
    /// Of how many peers a block of an active piece is asked.
    std::uint32_t num_asked(const Block& block) const noexcept;
    void requested_from(PieceIndex piece, std::vector<PeerKey>& out) const;
    void contributions(PieceIndex piece, std::vector<Contribution>& out) const;
    std::uint32_t active_count() const noexcept { return static_cast<std::uint32_t>(active_.size()); }
    /// Active pieces, and those of them with a missing block, oldest first.
    std::span<const PieceIndex> active() const noexcept { return active_; }
    std::span<const PieceIndex> open() const noexcept { return open_; }
    /// Bytes received in active pieces: the counter payload_partial.
    std::uint64_t partial_bytes() const noexcept { return partial_bytes_; }
    std::uint64_t total_outstanding() const noexcept { return total_outstanding_; }
    /// Gave blocks of a verified piece, and none of a failed one since.
    bool is_proven(PeerKey peer) const noexcept;
    /// Peers that are proven and do not choke us, without `peer`.
    std::uint32_t proven_unchoked_beside(PeerKey peer) const noexcept;
    /// Walks everything and checks the invariants (tests; debug builds).
    void check() const;

  private:
    struct BlockState {
        std::array<PeerKey, max_copies> asked{};
        std::uint32_t copies = 0;
        Time asked_at{0};  // last
        bool received = false;
        std::uint8_t let_down = 0;
        PeerKey lease;
        PeerKey source;
        IpAddress host;
        PeerKey avoided;
        Time avoided_until{0};
    };
    struct ActivePiece {
        PieceIndex piece;
        std::uint64_t started = 0;        // serial number: the order of open_
        std::uint32_t first_missing = 0;  // no missing block below
        std::uint32_t missing = 0;
        std::uint32_t received = 0;
        std::uint32_t pending = 0;
        std::uint32_t let_down = 0;
        Time started_at;
        Time last_block;
        PeerKey exclusive;
        PeerKey given_up_by;
        std::vector<BlockState> blocks;
    };
    struct PeerState {
        PeerKey key;  // without generation: nobody
        IpAddress host;
        bool fast = false;
        bool choking = true;
        bool proven = false;
        RequestQueue queue;
        std::vector<Block> withdrawn;  // a ring
        std::size_t withdrawn_next = 0;
        std::vector<Block> leases;
    };

    PeerState* find(PeerKey peer) noexcept;
    const PeerState* find(PeerKey peer) const noexcept { return const_cast<RequestLedger*>(this)->find(peer); }
    ActivePiece* find(PieceIndex piece) noexcept;
    const ActivePiece* find(PieceIndex piece) const noexcept { return const_cast<RequestLedger*>(this)->find(piece); }
    ActivePiece& piece_of(const Block& block);
    BlockState& state_of(const Block& block);
    bool may_ask(const BlockState& state, PeerKey peer, bool others, Time now) const noexcept;
    void ask(PeerState& peer, ActivePiece& piece, std::uint32_t number, Time now);
    static bool unlist(BlockState& state, PeerKey peer) noexcept;
    void release(PeerKey peer, const Block& block);
    void withdraw(PeerState& peer, std::size_t index);
    void avoid(PeerKey peer, const Block& block, Time until);
    static void remember(PeerState& peer, const Block& block) noexcept;
    static bool forget(PeerState& peer, const Block& block) noexcept;
    void receive(ActivePiece& piece, std::uint32_t number, const PeerState& from, Time now, Arrival& arrival);
    void cancel_others(BlockState& state, const Block& block, Arrival& arrival);
    PeerKey end_lease(BlockState& state, const Block& block) noexcept;
    std::vector<PieceIndex>::iterator place_in(std::vector<PieceIndex>& list, const ActivePiece& piece) noexcept;
    void set_missing(ActivePiece& piece, std::uint32_t missing);
    std::uint64_t remove(PieceIndex piece);
    void check(const ActivePiece& piece) const;

    Geometry geometry_;
    std::vector<PeerState> peers_;     // by slot of the key
    std::vector<ActivePiece> pieces_;  // slots, reused with their memory
    std::vector<std::uint32_t> free_;
    std::unordered_map<std::uint32_t, std::uint32_t> slots_of_;  // piece -> slot; never iterated
    std::vector<PieceIndex> active_;
    std::vector<PieceIndex> open_;
    std::uint64_t next_serial_ = 0;
    std::uint64_t partial_bytes_ = 0;
    std::uint64_t total_outstanding_ = 0;
};

}  // namespace jst::policy
