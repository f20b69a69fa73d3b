// The pieces' half of RequestLedger: how they become open, closed and inactive, and what can be asked about them.
#include <algorithm>

#include "base/check.hpp"
#include "policy/request_ledger.hpp"

namespace jst::policy {

// Both lists are in the order of `started`.
std::vector<PieceIndex>::iterator RequestLedger::place_in(std::vector<PieceIndex>& list,
                                                          const ActivePiece& piece) noexcept {
    return std::lower_bound(list.begin(), list.end(), piece.started,
                            [this](PieceIndex other, std::uint64_t started) { return find(other)->started < started; });
}

void RequestLedger::set_missing(ActivePiece& piece, std::uint32_t missing) {
    const bool was_open = piece.missing > 0;
    piece.missing = missing;
    if (was_open == (missing > 0)) return;
    const auto place = place_in(open_, piece);
    if (missing > 0) {
        open_.insert(place, piece.piece);
    } else {
        open_.erase(place);
    }
}

std::uint64_t RequestLedger::remove(PieceIndex index) {
    auto& piece = *find(index);
    std::uint64_t bytes = 0;
    for (std::uint32_t i = 0; i < piece.blocks.size(); ++i)
        if (piece.blocks[i].received) bytes += geometry_.block(index, i).length;
    JST_CHECK(piece.pending == 0, "a piece with requests is not removed");
    if (piece.missing > 0) open_.erase(place_in(open_, piece));
    active_.erase(place_in(active_, piece));
    free_.push_back(slots_of_.at(index.value));
    slots_of_.erase(index.value);
    partial_bytes_ -= bytes;
    return bytes;
}

void RequestLedger::restore(PieceIndex index, std::span<const Byte> blocks, Time now) {
    JST_CHECK(!is_active(index) && blocks.size() == geometry_.blocks_in(index),
              "a piece is restored before it is active");
    start(index, now);
    auto& piece = *find(index);
    std::uint32_t missing = piece.missing;
    for (std::uint32_t i = 0; i < blocks.size(); ++i) {
        if (blocks[i] == 0) continue;
        piece.blocks[i].received = true;
        ++piece.received;
        --missing;
        partial_bytes_ += geometry_.block(index, i).length;
    }
    set_missing(piece, missing);
}

std::uint64_t RequestLedger::on_verified(PieceIndex index) {
    const auto* piece = find(index);
    JST_CHECK(piece != nullptr && piece->received == piece->blocks.size(), "only a whole piece is verified");
    for (const auto& state : piece->blocks)
        if (auto* peer = find(state.source)) peer->proven = true;
    return remove(index);
}

std::uint64_t RequestLedger::on_hash_failed(PieceIndex index) {
    const auto* piece = find(index);
    JST_CHECK(piece != nullptr && piece->received == piece->blocks.size(), "only a whole piece is hashed");
    for (const auto& state : piece->blocks)
        if (auto* peer = find(state.source)) peer->proven = false;
    return remove(index);
}

std::uint64_t RequestLedger::abandon(PieceIndex index, std::vector<PeerBlock>& cancels,
                                     std::vector<PeerBlock>& revoked) {
    if (!is_active(index)) return 0;
    cancel_piece(index, cancels);
    auto& piece = *find(index);
    for (std::uint32_t i = 0; i < piece.blocks.size(); ++i) {
        const Block block = geometry_.block(index, i);
        if (const PeerKey holder = end_lease(piece.blocks[i], block)) revoked.push_back({holder, block});
    }
    return remove(index);
}

void RequestLedger::set_exclusive(PieceIndex index, PeerKey peer) {
    if (auto* piece = find(index)) piece->exclusive = peer;
}

// ---- questions

Time RequestLedger::deadline(PeerKey peer, Duration timeout) const noexcept {
    const auto* who = find(peer);
    return who != nullptr ? who->queue.deadline(timeout) : Time::never();
}

Time RequestLedger::next_deadline(Duration timeout) const noexcept {
    Time next = Time::never();
    for (const auto& peer : peers_)
        if (peer.key) next = std::min(next, peer.queue.deadline(timeout));
    return next;
}

std::span<const Request> RequestLedger::outstanding(PeerKey peer) const noexcept {
    const auto* who = find(peer);
    return who != nullptr ? who->queue.view() : std::span<const Request>{};
}

bool RequestLedger::is_outstanding(PeerKey peer, const Block& block) const noexcept {
    const auto* who = find(peer);
    return who != nullptr && who->queue.find(block).has_value();
}

bool RequestLedger::is_received(const Block& block) const noexcept {
    const auto* piece = find(block.piece);
    const auto number = geometry_.block_number(block);
    return piece != nullptr && number && piece->blocks[*number].received;
}

ActiveStatus RequestLedger::status(PieceIndex index) const noexcept {
    const auto* piece = find(index);
    ActiveStatus status;
    status.blocks_total = geometry_.blocks_in(index);
    if (piece == nullptr) return status;
    status.progress = piece->received == status.blocks_total ? PieceProgress::verifying : PieceProgress::downloading;
    status.blocks_received = piece->received;
    status.blocks_missing = piece->missing;
    status.pending_requests = piece->pending;
    status.started_at = piece->started_at;
    status.last_block = piece->last_block;
    status.exclusive = piece->exclusive;
    status.given_up_by = piece->given_up_by;
    status.let_down = piece->let_down;
    return status;
}

std::uint32_t RequestLedger::num_asked(const Block& block) const noexcept {
    const auto* piece = find(block.piece);
    const auto number = geometry_.block_number(block);
    return piece != nullptr && number ? piece->blocks[*number].copies : 0;
}

void RequestLedger::requested_from(PieceIndex index, std::vector<PeerKey>& out) const {
    const auto* piece = find(index);
    if (piece == nullptr) return;
    const auto first = out.size();
    for (const auto& state : piece->blocks)
        out.insert(out.end(), state.asked.begin(), state.asked.begin() + state.copies);
    const auto begin = out.begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(begin, out.end());
    out.erase(std::unique(begin, out.end()), out.end());
}

void RequestLedger::contributions(PieceIndex index, std::vector<Contribution>& out) const {
    const auto* piece = find(index);
    if (piece == nullptr) return;
    for (std::uint32_t i = 0; i < piece->blocks.size(); ++i)
        if (const auto& state = piece->blocks[i]; state.received)
            out.push_back({geometry_.block(index, i), state.source, state.host});
}

bool RequestLedger::is_proven(PeerKey peer) const noexcept {
    const auto* who = find(peer);
    return who != nullptr && who->proven;
}

std::uint32_t RequestLedger::proven_unchoked_beside(PeerKey peer) const noexcept {
    return static_cast<std::uint32_t>(std::count_if(peers_.begin(), peers_.end(), [peer](const PeerState& other) {
        return other.key && other.key != peer && other.proven && !other.choking;
    }));
}

// ---- the invariants

void RequestLedger::check(const ActivePiece& piece) const {
    std::uint32_t missing = 0;
    std::uint32_t received = 0;
    std::uint32_t pending = 0;
    for (std::uint32_t i = 0; i < piece.blocks.size(); ++i) {
        const auto& state = piece.blocks[i];
        const Block block = geometry_.block(piece.piece, i);
        JST_CHECK(!state.received || (state.copies == 0 && !state.lease),
                  "a received block is neither asked for nor leased");
        JST_CHECK(state.received || state.copies > 0 || i >= piece.first_missing,
                  "no missing block before first_missing");
        for (std::uint32_t c = 0; c < state.copies; ++c)
            JST_CHECK(is_outstanding(state.asked[c], block), "what a block lists is in the peer's queue");
        const auto* holder = find(state.lease);
        JST_CHECK(
            !state.lease || (holder != nullptr && std::count(holder->leases.begin(), holder->leases.end(), block) == 1),
            "a lease is known to its holder");
        missing += !state.received && state.copies == 0 ? 1 : 0;
        received += state.received ? 1 : 0;
        pending += state.copies;
    }
    JST_CHECK(missing == piece.missing && received == piece.received && pending == piece.pending,
              "the counts of a piece");
    JST_CHECK((std::count(open_.begin(), open_.end(), piece.piece) == 1) == (missing > 0),
              "open() lists what misses a block");
}

void RequestLedger::check() const {
    std::uint64_t listed = 0;
    std::uint64_t partial = 0;
    for (const auto index : active_) {
        const auto& piece = *find(index);
        check(piece);
        listed += piece.pending;
        for (std::uint32_t i = 0; i < piece.blocks.size(); ++i)
            if (piece.blocks[i].received) partial += geometry_.block(index, i).length;
    }
    std::uint64_t queued = 0;
    std::size_t leases = 0;
    for (const auto& peer : peers_) {
        queued += peer.queue.size();
        leases += peer.leases.size();
        JST_CHECK(peer.key || (peer.queue.empty() && peer.leases.empty()), "who left holds nothing");
        for (const auto& block : peer.leases)
            JST_CHECK(find(block.piece)->blocks[block.begin / block_size].lease == peer.key,
                      "a lease is known to its block");
    }
    JST_CHECK(listed == queued && queued == total_outstanding_, "no request leaks");
    JST_CHECK(partial == partial_bytes_, "partial bytes are those received");
    JST_CHECK(active_.size() == slots_of_.size() && open_.size() <= active_.size(), "the lists of pieces");
}

}  // namespace jst::policy
