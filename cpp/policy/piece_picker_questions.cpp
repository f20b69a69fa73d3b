// The questions of PiecePicker that look across peers: what is stuck, what only one peer has, what can be reached at
// all.
#include <algorithm>
#include <tuple>

#include "policy/piece_picker.hpp"

namespace jst::policy {

// Candidates of one priority in the bucket where those held by `peers` connected peers are; exact unless the level is
// clamped.
std::span<const PieceIndex> PiecePicker::candidates_held_by(std::uint8_t p, std::int32_t peers) const noexcept {
    return tables_->order.bucket(bucket_for(p, peers - tables_->availability.seeds()));
}

std::optional<PieceIndex> PiecePicker::orphan(const Asker& asker, const RequestLedger& ledger, Time now) const {
    std::optional<std::tuple<Time, PieceIndex>> oldest;
    for (const auto piece : ledger.active()) {
        const auto status = ledger.status(piece);
        if (status.progress != PieceProgress::downloading || status.pending_requests > 0 ||
            status.exclusive == asker.peer)
            continue;
        const Duration alone = status.given_up_by == asker.peer ? orphaned_after * 2 : orphaned_after;
        if (!is_wanted(piece) || !(*asker.has)[piece] || now - status.last_block < alone) continue;
        const std::tuple candidate{status.last_block, piece};
        if (!oldest || candidate < *oldest) oldest = candidate;
    }
    return oldest ? std::optional(std::get<PieceIndex>(*oldest)) : std::nullopt;
}

std::optional<PieceIndex> PiecePicker::stranded(const RequestLedger& ledger, Time now) const {
    std::optional<std::tuple<bool, std::uint32_t, PieceIndex>> least;
    for (const auto piece : ledger.active()) {
        const auto status = ledger.status(piece);
        if (status.progress != PieceProgress::downloading || status.pending_requests > 0) continue;
        const bool reachable = availability().count(piece) > 0 && now - status.last_block < stranded_after;
        if (is_wanted(piece) && reachable) continue;
        const std::tuple candidate{is_wanted(piece), status.blocks_received, piece};
        if (!least || candidate < *least) least = candidate;
    }
    return least ? std::optional(std::get<PieceIndex>(*least)) : std::nullopt;
}

std::optional<PieceIndex> PiecePicker::held_up(const Asker& asker, const RequestLedger& ledger, Time now) const {
    std::optional<std::tuple<Time, PieceIndex>> oldest;
    for (const auto piece : ledger.active()) {
        const auto status = ledger.status(piece);
        if (status.progress != PieceProgress::downloading || (*asker.has)[piece]) continue;
        if (status.let_down < held_up_let_downs || now - status.last_block < held_up_after) continue;
        const std::tuple candidate{status.last_block, piece};
        if (!oldest || candidate < *oldest) oldest = candidate;
    }
    return oldest ? std::optional(std::get<PieceIndex>(*oldest)) : std::nullopt;
}

bool PiecePicker::is_sole_source(const Bitfield& has, const RequestLedger& ledger) const noexcept {
    const auto only_here = [&](PieceIndex piece) { return has[piece] && availability().count(piece) == 1; };
    for (const auto piece : ledger.active())
        if (is_wanted(piece) && only_here(piece)) return true;
    for (std::uint8_t p = max_priority; tables_ && p > 0; --p) {
        if (tables_->candidates[p].none()) continue;
        const auto rare = candidates_held_by(p, 1);
        if (std::any_of(rare.begin(), rare.end(), only_here)) return true;
    }
    return false;
}

bool PiecePicker::has_reachable_candidate() const noexcept {
    for (std::uint8_t p = max_priority; tables_ && p > 0; --p) {
        const auto& candidates = tables_->candidates[p];
        if (candidates.none()) continue;
        const auto rarest = candidates_held_by(p, 0);
        if (candidates.count() > rarest.size()) return true;
        if (std::any_of(rarest.begin(), rarest.end(),
                        [&](PieceIndex piece) { return availability().count(piece) > 0; }))
            return true;
    }
    return false;
}

std::uint64_t PiecePicker::memory() const noexcept {
    std::uint64_t bits = have_.wire().size() + wanted_.wire().size();
    if (states_) bits += sizeof(std::uint8_t) * geometry_.num_pieces;
    if (!tables_) return bits;
    for (const auto& candidates : tables_->candidates) bits += candidates.wire().size();
    constexpr std::uint64_t for_each = sizeof(std::int32_t) + sizeof(PieceIndex) + sizeof(std::uint32_t);
    return bits + for_each * geometry_.num_pieces;
}

}  // namespace jst::policy
