#include "policy/endgame.hpp"

#include <algorithm>

namespace jst::policy {
namespace {

bool is_near_end(const EndgameSettings& settings, const PiecePicker& picker, const RequestLedger& ledger) noexcept {
    const std::uint64_t left = picker.wanted_left() - std::min(picker.wanted_left(), ledger.partial_bytes());
    if (left > settings.bytes || settings.parts_per_million == 0) return false;
    if (left <= Endgame::always_near) return true;
    const std::uint64_t parts = std::min<std::uint32_t>(settings.parts_per_million, 1'000'000);
    // Divided first: a torrent may be so large that the product would not fit.
    const std::uint64_t wanted = picker.wanted_bytes();
    return left <= wanted / 1'000'000 * parts + wanted % 1'000'000 * parts / 1'000'000;
}

}  // namespace

bool Endgame::in_endgame(const PiecePicker& picker, const RequestLedger& ledger, Time now) noexcept {
    const auto reachable = [&](PieceIndex piece) {
        return picker.is_wanted(piece) && picker.availability().count(piece) > 0;
    };
    const bool in = !picker.is_complete() && ledger.total_outstanding() > 0 && is_near_end(settings_, picker, ledger) &&
                    std::none_of(ledger.open().begin(), ledger.open().end(), reachable) &&
                    !picker.has_reachable_candidate();
    if (!in) {
        began_ = Time::never();
    } else if (began_.is_never()) {
        began_ = now;
    }
    return in;
}

std::uint32_t Endgame::pick_duplicates(const Asker& asker, std::uint32_t n, const PiecePicker& picker,
                                       RequestLedger& ledger, Time now, std::vector<Block>& out) {
    if (!in_endgame(picker, ledger, now)) return 0;
    if (settings_.prefer_proven && !ledger.is_proven(asker.peer) && now < began_ + proven_head_start &&
        ledger.proven_unchoked_beside(asker.peer) > 0)
        return 0;
    return copy(asker, n, Time::never(), picker, ledger, now, out);
}

std::uint32_t Endgame::pick_overdue(const Asker& asker, std::uint32_t n, const PiecePicker& picker,
                                    RequestLedger& ledger, Time now, std::vector<Block>& out) const {
    return copy(asker, n, Time{now.ns - overdue_after.ns}, picker, ledger, now, out);
}

std::uint32_t Endgame::pick_stuck(const Asker& asker, PeerKey owner, std::uint32_t n, const PiecePicker& picker,
                                  RequestLedger& ledger, Time now, std::vector<Block>& out) const {
    if (!is_enabled() || asker.on_parole || asker.peer == owner) return 0;
    const std::uint32_t copies = std::min(settings_.copies, max_copies);
    std::uint32_t taken = 0;
    for (const Request& owed : ledger.outstanding(owner)) {
        if (taken == n) break;
        const PieceIndex piece = owed.block.piece;
        if (!picker.is_wanted(piece) || !(*asker.has)[piece] || ledger.num_asked(owed.block) >= copies) continue;
        if (ledger.status(piece).exclusive || !ledger.on_request(asker.peer, owed.block, now)) continue;
        out.push_back(owed.block);
        ++taken;
    }
    return taken;
}

std::uint32_t Endgame::copy(const Asker& asker, std::uint32_t n, Time asked_by, const PiecePicker& picker,
                            RequestLedger& ledger, Time now, std::vector<Block>& out) const {
    const std::uint32_t copies = std::min(settings_.copies, max_copies);
    std::uint32_t taken = 0;
    for (std::uint32_t existing = 1; existing < copies && taken < n && !asker.on_parole; ++existing) {
        for (const auto piece : ledger.active()) {
            const auto status = ledger.status(piece);
            // Oldest first: what follows is younger still.
            if (taken >= n || status.started_at > asked_by) break;
            if (!picker.is_wanted(piece) || !(*asker.has)[piece]) continue;
            const std::uint32_t asked_for = status.blocks_total - status.blocks_received - status.blocks_missing;
            if (status.pending_requests >= asked_for * copies) continue;
            taken += ledger.request_copies(piece, asker.peer, existing, n - taken, asked_by, now, out);
        }
    }
    return taken;
}

}  // namespace jst::policy
