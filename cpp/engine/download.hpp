// The receiving half of a torrent: whom to ask for which block, where payload goes, and what becomes of whole pieces.
//
// Joins picker, ledger, endgame, pipelines and blame with the peers and the piece jobs; each decision is a policy's.
// Upward it only says what happened (Client). Invariants: 1. every way in which a request ends goes through the ledger;
// 2. an active piece has a PieceJob and its memory is reserved; 3. received == verified + failed + redundant +
// discarded
// + partial after every call; 4. one that never had a peer or an active piece has none of what it takes to ask.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/rare.hpp"
#include "engine/peer.hpp"
#include "engine/piece_job.hpp"
#include "policy/blame.hpp"
#include "policy/endgame.hpp"
#include "policy/piece_picker.hpp"

namespace jst::engine {

/// What becomes of the blocks of pieces that are not whole.
enum class Keep : std::uint8_t { in_memory, on_disk, nothing };

class Download final : public PieceJob::Client {
  public:
    struct Client {
        virtual ~Client() = default;
        /// Hashed, written: it is ours now.
        virtual void on_piece_verified(PieceIndex piece, Time now) = 0;
        virtual void on_piece_failed(PieceIndex piece, std::vector<Endpoint> from, Time now) = 0;
        virtual void on_download_error(Errc error, const std::string& where, Time now) = 0;
        virtual void on_guilty(const IpAddress& host, Time now) = 0;
        /// Something that the torrent waits for may be over: an operation ended, memory came free.
        virtual void on_download_idle(Time now) = 0;
        /// Of the torrent alone.
        virtual const policy::RateLimit& download_limit() const noexcept = 0;
    };

    /// Without metadata, begin() comes later.
    Download(Core& core, FileStore& files, const codec::Metainfo* metainfo, const policy::Geometry& geometry,
             Counters& counters, Client& client, std::uint32_t number);
    ~Download() override;

    // -- facts about peers
    void on_join(Peer& peer);
    void on_leave(Peer& peer, Time now);
    /// The peer said all at once what it has (or has not).
    void on_claims(Peer& peer, Bitfield have, Time now);
    /// What to ask for it is decided when all that was read with it is heard: refill().
    void on_have(Peer& peer, PieceIndex piece);
    void on_choked(Peer& peer, Time now);
    /// The same: it may choke again in the same breath.
    void on_unchoked(Peer& peer, Time now);
    void on_rejected(Peer& peer, const Block& block, Time now);
    /// The same.
    void on_allowed_fast(Peer& peer, PieceIndex piece);
    /// Requests that are overdue go back; true when others have something to take.
    bool expire(Peer& peer, Time now);
    Time deadline(const Peer& peer) const;
    /// When a peer that owes blocks is snubbed; never for one that owes none or is.
    Time snub_deadline(const Peer& peer) const;

    // -- payload
    std::span<const wire::ExpectedBlock> expect(Peer& peer);
    /// The last expect() ended early because there was no memory: read no further than it says.
    bool is_short_of_memory() const noexcept { return short_; }
    /// A peer is not read for want of memory.
    void wait_for_memory() noexcept { somebody_waits_ = true; }
    /// Those may be read again.
    bool take_memory_freed() noexcept {
        somebody_waits_ = somebody_waits_ && !memory_freed_;
        return std::exchange(memory_freed_, false);
    }
    /// After the events of one read: predicted places that were not filled are free again.
    void settle(Peer& peer);
    void on_block_started(Peer& peer, const wire::BlockStarted& started, Time now);
    void on_block(Peer& peer, const wire::BlockArrived& arrived, Time now);

    // -- what we have and want
    /// The metadata is there, and the geometry with it, `picker` of the same. Nobody has joined yet.
    void begin(const codec::Metainfo& metainfo, policy::PiecePicker picker);
    /// What the user wishes of each piece stays, whatever is found out about what is there; what is parked of pieces
    /// that we have is forgotten.
    void reset(const Bitfield& have, bool sequential);
    /// We do not have it any more.
    void lose(PieceIndex piece) {
        picker_.on_lost(piece);
        hungry_ = true;
    }
    void set_priority(PieceIndex piece, std::uint8_t priority, Time now);
    void set_sequential(bool on) { picker_.set_order(on ? policy::Order::sequential : policy::Order::rarest); }
    void configure();
    /// No requests from now on (paused, stopped, complete); pieces being hashed go on.
    void suspend(Keep keep, Time now);
    void allow() noexcept { allowed_ = true; }

    // -- pieces left half done
    /// Blocks that a record knows to be on disk; what can not be is passed over. The torrent's counters are the
    /// caller's.
    void adopt(PieceIndex piece, Bytes bits);
    /// The blocks on disk of pieces that nobody works at, as bits.
    std::vector<std::pair<PieceIndex, ByteVector>> parked() const;
    std::uint64_t parked_bytes() const;
    void forget_parked();
    /// Its blocks on disk, if it has any, are to be fetched again: they are not where the piece is looked for from now
    /// on.
    void drop_half_done(PieceIndex piece, Time now);
    /// parked() changed since.
    bool take_parked_changed() noexcept { return std::exchange(parked_changed_, false); }

    // -- asking
    /// The round ends: no handler of a piece that ended runs any more.
    void free_ended();
    /// Ask everybody again who could be asked for more.
    void refill_all(Time now);
    void refill(Peer& peer, Time now);
    void update_interest(Peer& peer);
    /// Requests were withdrawn, memory came free or priorities changed since the last refill_all().
    bool is_hungry() const noexcept { return hungry_; }

    // -- questions
    const policy::PiecePicker& picker() const noexcept { return picker_; }
    const policy::RequestLedger& ledger() const noexcept;
    const Bitfield& have() const noexcept { return picker_.have(); }
    bool in_endgame() const noexcept { return in_endgame_; }
    bool is_idle() const noexcept {
        return !work_ || (work_->jobs.empty() && work_->dying.empty() && work_->parking.empty());
    }
    bool is_hashing() const noexcept;
    bool is_writing() const noexcept;
    bool is_on_parole(const IpAddress& host) const noexcept { return work_ && work_->blame.is_on_parole(host); }
    std::uint32_t hash_failures(const IpAddress& host) const noexcept {
        return work_ ? work_->blame.failures(host) : 0;
    }
    void forgive(const IpAddress& host) {
        if (work_) work_->blame.forget(host);
    }
    PieceStatus status(PieceIndex piece) const;
    PieceState state(PieceIndex piece) const;
    Time last_payload() const noexcept { return last_payload_; }
    bool limited_by_memory() const noexcept { return starved_; }

    // Connected ones, in the order of joining; who left requests unanswered goes to the end, who made a piece whole to
    // the front.
    std::vector<PeerKey> peers;

  private:
    /// For each block of a piece: 0 not there, or whence it is.
    using Flags = std::vector<Byte>;
    static constexpr Byte of_this_session = 1;
    static constexpr Byte of_a_record = 2;  // the session's counters do not know it

    /// From the first peer or active piece on.
    struct Work {
        Work(const Core& core, const policy::Geometry& geometry, std::uint32_t number);
        policy::RequestLedger ledger;
        policy::Endgame endgame;
        policy::Blame blame;
        Prng prng;
        std::map<PieceIndex, std::unique_ptr<PieceJob>> jobs;
        std::vector<std::unique_ptr<PieceJob>> dying;                               // abandoned with an operation out
        std::map<PieceIndex, std::pair<std::unique_ptr<PieceJob>, Flags>> parking;  // being written, no longer active
        std::map<PieceIndex, Flags> restored;  // of active pieces: what was on disk when they became so
        std::vector<wire::ExpectedBlock> expected;
        std::vector<Block> asked;
        std::vector<policy::PeerBlock> withdrawn;
        std::vector<PeerKey> stuck;  // owe blocks and have fallen silent, at the last look
        Time next_look{0};
        PeerKey looker;  // asks again then
        std::size_t looks_in_vain = 0;
    };

    Work& work() { return work_ ? *work_ : begin_work(); }
    Work& begin_work();
    static bool believes_stale_hashes() noexcept;  // a bug that can be planted
    void on_piece_done(PieceJob& job, PieceOutcome outcome, Time now) override;
    runtime::Patience patience() const noexcept override;
    void on_memory_freed() override;
    void on_unanswered(const Peer& peer);
    void on_whole(const Peer& peer);
    bool has_wanted(Peer& peer) const;
    static void set_interest(Peer& peer, bool on);
    PieceJob* job(PieceIndex piece);
    PieceJob& begin_piece(PieceIndex piece);
    void end_piece(PieceIndex piece);
    void drop_piece(PieceIndex piece, Time now);
    void park_piece(PieceIndex piece, Time now);
    void on_parked(PieceJob& job, PieceOutcome outcome);
    void take_up_parked(Time now);
    void forget_parked(PieceIndex piece, const Flags& flags);
    std::uint32_t most_active() const;
    void fill(Peer& peer, Time now);
    std::uint32_t most_of_one() const;
    static bool is_held_back(const Peer& peer, Time now) noexcept;
    Time unless_held_back(const Peer& peer, Time due) const;
    Byte* place_for(PieceJob& piece, const Block& block);
    bool notice_endgame(Time now);
    policy::Picked take_orphan(Peer& peer, const policy::Asker& asker, std::uint32_t n, std::uint32_t most, Time now);
    std::uint32_t take_place(Peer& peer, const policy::Asker& asker, std::uint32_t n, Time now);
    std::uint32_t ask_overdue(Peer& peer, const policy::Asker& asker, std::uint32_t n, Time now);
    std::uint32_t take_overdue(Peer& peer, const policy::Asker& asker, std::uint32_t n, Time now);
    bool may_copy(Peer& peer, Time now) const;
    Time stuck_at(const Peer& peer) const;
    void note_payload(Peer& peer, Time now) noexcept;
    bool waits_for_limit(Peer& idle, Time now) const;
    void look_for_stuck(Peer& idle, Time now);
    std::uint32_t take_over(Peer& peer, const policy::Asker& asker, std::uint32_t n, Time now);
    std::uint32_t ask(Peer& peer, std::uint32_t n, Time now);
    void request(Peer& peer, const std::vector<Block>& blocks, Time now);
    void store(Peer& peer, const Block& block, const wire::BlockArrived& arrived, const policy::Arrival& arrival,
               Time now);
    void verified(PieceIndex piece, Time now);
    void failed(PieceJob& job, Time now);
    void apply(const policy::Judgement& judgement, Time now);
    std::vector<policy::BlamedBlock> blamed(const PieceJob& job, bool digests) const;
    void revoke(PeerKey peer);
    void send_cancels(std::span<const policy::PeerBlock> cancels);
    void count(std::uint64_t Counters::* field, std::int64_t n) noexcept;
    void move_partial(PieceIndex piece, std::uint64_t Counters::* to);

    Core& core_;
    FileStore& files_;
    const codec::Metainfo* metainfo_;
    const policy::Geometry& geometry_;
    Counters& counters_;
    Client& client_;
    runtime::Tag tag_;
    policy::PiecePicker picker_;
    Rare<std::map<PieceIndex, Flags>> parked_;  // on disk, not active
    std::unique_ptr<Work> work_;
    bool parked_changed_ = false;
    bool somebody_idles_ = false;  // and found nothing to do
    bool allowed_ = false;
    bool hungry_ = false;
    bool starved_ = false;
    bool in_endgame_ = false;
    bool short_ = false;
    bool memory_freed_ = false;
    bool somebody_waits_ = false;  // for memory
    Time last_payload_{0};
};

}  // namespace jst::engine
