// Which blocks to ask a peer for: higher priority first, then pieces that are active already, then the rarest (or the
// lowest) of the others. Also what we want at all, and so whether a peer is interesting.
//
// Rarity is exact among pieces that the first `probes` candidates reveal; beyond, the rarest of `sample` pieces that
// the peer has, from a random place on: no pick looks at all pieces of a large torrent. Priorities are always exact.
// Invariants: 1. a candidate is wanted, not had and not active; 2. no piece is started beyond max_active; 3. what
// pick() appends is entered in the ledger already. A peer that finds only new pieces while max_active are active is
// `capped`: the owner may then abandon() what stranded() names, a piece that nobody serves, so that dead pieces never
// block living ones.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bitfield.hpp"
#include "base/prng.hpp"
#include "policy/availability.hpp"
#include "policy/piece_order.hpp"
#include "policy/request_ledger.hpp"

namespace jst::policy {

enum class Order : std::uint8_t { rarest, sequential };

inline constexpr std::uint8_t max_priority = 7;
inline constexpr std::uint8_t default_priority = 4;

struct Asker {
    PeerKey peer;
    const Bitfield* has = nullptr;
    bool on_parole = false;  // gets whole pieces, alone
};

struct Picked {
    std::uint32_t count = 0;
    bool capped = false;  // there was a new piece for it, but max_active are active
};

class PiecePicker {
  public:
    static constexpr std::uint32_t probes = 512;
    static constexpr std::uint32_t sample = 64;
    /// An active piece without requests is stranded after so long without a block.
    static constexpr Duration stranded_after = seconds(30);
    static constexpr Duration orphaned_after = seconds(5);
    /// One that is asked for is held up after so long without a block, when one of its blocks was not given so often.
    static constexpr Duration held_up_after = seconds(60);
    static constexpr std::uint32_t held_up_let_downs = 4;

    explicit PiecePicker(const Geometry& geometry = {}, Order order = Order::rarest);

    // Facts about peers. A bitfield has the size of the torrent.
    Counted on_join(const Bitfield& has);
    void on_leave(const Bitfield& has, Counted counted);
    /// A bit that was not set before.
    void on_have(PieceIndex piece);

    // Facts about ourselves.
    /// All at once (start, recheck): O(pieces). No piece is active any more; the priorities stay.
    void reset(const Bitfield& have);
    void set_order(Order order) noexcept { sequential_ = order == Order::sequential; }
    /// 0 = skip; above 7 counts as 7. An active piece stays active: the owner cancels its requests.
    void set_priority(PieceIndex piece, std::uint8_t priority);
    /// Verified and written; or no longer (a damaged file).
    void on_verified(PieceIndex piece);
    void on_lost(PieceIndex piece);
    /// The ledger no longer holds it, and we do not have it: hash failed or abandoned.
    void on_returned(PieceIndex piece);

    // Questions.
    Picked pick(const Asker& asker, std::uint32_t n, std::uint32_t max_active, RequestLedger& ledger, Prng& prng,
                Time now, std::vector<Block>& out);
    /// The same from a few pieces only (allowed fast, while choked), in their order.
    Picked pick_among(std::span<const PieceIndex> pieces, const Asker& asker, std::uint32_t n, std::uint32_t max_active,
                      RequestLedger& ledger, Time now, std::vector<Block>& out);
    /// The piece to abandon so that a capped peer can go on; none while every active piece is served.
    std::optional<PieceIndex> stranded(const RequestLedger& ledger, Time now) const;
    /// The piece to abandon for one that has nothing to do: what it has not, and those who have it keep from us.
    std::optional<PieceIndex> held_up(const Asker& asker, const RequestLedger& ledger, Time now) const;
    /// The piece to abandon for one on parole, who may only begin pieces: the oldest of those that it has, that nobody
    /// works on any more and that got no block for a while. Else what two suspects left half done stays so for ever.
    /// Who gave it up waits twice as long: it would take it again and again while the others look a moment later.
    std::optional<PieceIndex> orphan(const Asker& asker, const RequestLedger& ledger, Time now) const;

    const Geometry& geometry() const noexcept { return geometry_; }
    const Bitfield& have() const noexcept { return have_; }
    /// Before the first peer: of size 0.
    const Availability& availability() const noexcept;
    std::uint8_t priority(PieceIndex piece) const noexcept {
        return geometry_.contains(piece) ? state(piece) & priority_bits : 0;
    }
    bool is_wanted(PieceIndex piece) const noexcept { return wanted_[piece]; }
    /// Does the peer have anything that we want and lack?
    bool wants_any(const Bitfield& has) const noexcept { return any_common(wanted_, has); }
    /// The first such piece at or after `from`; beyond the last piece when there is none.
    PieceIndex first_wanted(const Bitfield& has, PieceIndex from) const noexcept {
        return next_common(wanted_, has, from);
    }
    /// Changes whenever a piece becomes wanted that was not: until then what was looked through need not be again.
    std::uint64_t growth() const noexcept { return growth_; }
    std::uint32_t count_wanted(const Bitfield& has) const noexcept { return count_common(wanted_, has); }
    /// Is the peer with this bitfield the only one connected that has some piece that we want?
    bool is_sole_source(const Bitfield& has, const RequestLedger& ledger) const noexcept;
    bool is_complete() const noexcept { return wanted_.none(); }
    /// Bytes of pieces with a priority above 0; those of them that are not verified.
    std::uint64_t wanted_bytes() const noexcept { return wanted_bytes_; }
    std::uint64_t wanted_left() const noexcept { return wanted_left_; }
    /// Candidates that some connected peer has.
    bool has_reachable_candidate() const noexcept;
    /// The bytes of memory that the tables take.
    std::uint64_t memory() const noexcept;

    /// A piece that was left half done becomes active again, with the blocks that are flagged.
    void take_up(PieceIndex piece, std::span<const Byte> blocks, RequestLedger& ledger, Time now);

  private:
    static constexpr std::uint8_t priority_bits = 0x07;
    static constexpr std::uint8_t active_bit = 0x10;
    // Levels of rarity: relative availability -16 or less up to 47 or more.
    static constexpr std::int32_t levels = 64;
    static constexpr std::int32_t rarest_level = -16;
    static constexpr std::uint32_t aside = max_priority * levels;  // the bucket of what is no candidate

    struct OpenPiece {
        PieceIndex piece;
        std::uint8_t priority;
        std::uint32_t rank;
    };

    std::uint8_t state(PieceIndex piece) const noexcept { return states_ ? states_[piece.value] : default_priority; }
    std::uint8_t* states();
    void set_active(PieceIndex piece, bool on);
    static std::uint32_t level_of(std::int32_t relative) noexcept;
    static std::uint32_t bucket_for(std::uint8_t priority, std::int32_t relative) noexcept;
    std::uint32_t bucket_of(PieceIndex piece) const noexcept;
    bool is_candidate(PieceIndex piece) const noexcept;
    std::span<const PieceIndex> candidates_held_by(std::uint8_t priority, std::int32_t peers) const noexcept;
    void recount(PieceIndex piece, std::int32_t change);
    template <class Change>
    void update(PieceIndex piece, Change&& change);
    void collect_open(const Asker& asker, const RequestLedger& ledger);
    std::optional<PieceIndex> new_piece(std::uint8_t priority, const Bitfield& has, Prng& prng);
    std::optional<PieceIndex> rarest(std::uint8_t priority, const Bitfield& has, Prng& prng) const;
    std::optional<PieceIndex> sampled(std::uint8_t priority, const Bitfield& has, Prng& prng) const;
    std::uint32_t request(PieceIndex piece, const Asker& asker, std::uint32_t n, RequestLedger& ledger, Time now,
                          std::vector<Block>& out) const;
    bool may_ask(PieceIndex piece, const Asker& asker, const RequestLedger& ledger) const noexcept;
    void start(PieceIndex piece, const Asker& asker, RequestLedger& ledger, Time now);

    /// What choosing among peers takes: there from the first peer on. They stay, or who comes and goes would have them
    /// made anew.
    struct Tables {
        explicit Tables(std::uint32_t num_pieces) : availability(num_pieces), order(num_pieces, aside + 1) {}
        Availability availability;
        PieceOrder order;
        std::array<Bitfield, max_priority + 1> candidates;  // by priority, sized when first used
        std::array<PieceIndex, max_priority + 1> lowest{};  // no candidate of the priority below
    };
    Tables& tables();
    void list_candidates();

    Geometry geometry_;
    bool sequential_ = false;
    std::unique_ptr<Tables> tables_;
    std::unique_ptr<std::uint8_t[]> states_;  // of each piece, once one is not as at first: priority and active_bit
    Bitfield wanted_;                         // priority above 0 and not had
    Bitfield have_;
    std::uint64_t growth_ = 0;
    std::uint64_t wanted_bytes_ = 0;
    std::uint64_t wanted_left_ = 0;
    std::vector<OpenPiece> open_;  // scratch of pick()
};

}  // namespace jst::policy
