#include "policy/request_ledger.hpp"

#include <algorithm>
#include <new>

#include "base/check.hpp"
#include "base/planted.hpp"
#include "base/room.hpp"

namespace jst::policy {
namespace {

constexpr std::size_t first_capacity = 8;

}  // namespace

PayloadBucket Arrival::bucket() const noexcept {
    if (stored()) return PayloadBucket::partial;
    return verdict == Verdict::duplicate ? PayloadBucket::redundant : PayloadBucket::discarded;
}

RequestLedger::RequestLedger(const Geometry& geometry) : geometry_(geometry) {
    JST_CHECK(geometry.is_consistent(), "the geometry of a torrent must be consistent");
}

RequestLedger::PeerState* RequestLedger::find(PeerKey peer) noexcept {
    if (!peer || peer.slot >= peers_.size()) return nullptr;
    auto& state = peers_[peer.slot];
    return state.key == peer ? &state : nullptr;
}

RequestLedger::ActivePiece* RequestLedger::find(PieceIndex piece) noexcept {
    const auto at = slots_of_.find(piece.value);
    return at == slots_of_.end() ? nullptr : &pieces_[at->second];
}

RequestLedger::ActivePiece& RequestLedger::piece_of(const Block& block) {
    auto* piece = find(block.piece);
    JST_CHECK(piece != nullptr, "a request belongs to an active piece");
    return *piece;
}

RequestLedger::BlockState& RequestLedger::state_of(const Block& block) {
    return piece_of(block).blocks[block.begin / block_size];
}

// ---- peers

void RequestLedger::on_join(PeerKey peer, const IpAddress& host, bool fast) {
    if (peer.slot >= peers_.size()) peers_.resize(peer.slot + std::size_t{1});
    auto& state = peers_[peer.slot];
    JST_CHECK(peer && !state.key, "a peer joins once");
    state.key = peer;
    state.host = host;
    state.fast = fast;
    state.choking = true;
    state.proven = false;
}

void RequestLedger::on_disconnect(PeerKey peer) {
    auto* who = find(peer);
    if (who == nullptr) return;
    if (planted<Plant::requests_kept_on_disconnect>()) who->queue.clear();
    while (!who->queue.empty()) withdraw(*who, who->queue.size() - 1);
    while (!who->leases.empty()) release_lease(peer, who->leases.back());
    for (const auto piece : active_)
        if (auto* active = find(piece); active->exclusive == peer) active->exclusive = {};
    who->queue.clear();
    who->withdrawn = {};
    who->withdrawn_next = 0;
    who->key = {};
}

void RequestLedger::on_choke(PeerKey peer) {
    auto* who = find(peer);
    if (who == nullptr) return;
    who->choking = true;
    if (who->fast) return;
    if (planted<Plant::requests_kept_on_choke>()) return;
    while (!who->queue.empty()) withdraw(*who, who->queue.size() - 1);
}

void RequestLedger::on_unchoke(PeerKey peer) {
    if (auto* who = find(peer)) who->choking = false;
}

// ---- asking

void RequestLedger::start(PieceIndex piece, Time now) {
    JST_CHECK(geometry_.contains(piece), "only pieces of the torrent become active");
    if (is_active(piece)) return;
    // All that may throw comes first: what memory was short for has not begun.
    if (free_.empty()) {
        if (free_.capacity() <= pieces_.size())
            free_.reserve(std::max(first_capacity, 2 * pieces_.size()));  // all may end
        pieces_.emplace_back();
        free_.push_back(static_cast<std::uint32_t>(pieces_.size() - 1));
    }
    const std::uint32_t slot = free_.back();
    auto& active = pieces_[slot];
    active.missing = geometry_.blocks_in(piece);
    active.blocks.assign(active.missing, BlockState{});
    make_room_for_one(active_);
    make_room_for_one(open_);
    slots_of_.emplace(piece.value, slot);
    free_.pop_back();
    active.piece = piece;
    active.started = next_serial_++;
    active.first_missing = 0;
    active.received = 0;
    active.pending = active.let_down = 0;
    active.started_at = active.last_block = now;
    active.exclusive = active.given_up_by = {};
    active_.push_back(piece);
    open_.push_back(piece);
}

bool RequestLedger::may_ask(const BlockState& state, PeerKey peer, bool others, Time now) const noexcept {
    if (state.received || state.copies >= max_copies) return false;
    if (others && state.avoided == peer && now < state.avoided_until) return false;
    return std::find(state.asked.begin(), state.asked.begin() + state.copies, peer) ==
           state.asked.begin() + state.copies;
}

void RequestLedger::ask(PeerState& peer, ActivePiece& piece, std::uint32_t number, Time now) {
    peer.queue.push(geometry_.block(piece.piece, number), now);  // may throw: then nothing was asked
    auto& state = piece.blocks[number];
    state.asked[state.copies++] = peer.key;
    state.asked_at = now;
    ++piece.pending;
    ++total_outstanding_;
    if (state.copies == 1) set_missing(piece, piece.missing - 1);
}

std::uint32_t RequestLedger::request_missing(PieceIndex index, PeerKey peer, std::uint32_t n, bool others, Time now,
                                             std::vector<Block>& out) {
    auto* piece = find(index);
    auto* who = find(peer);
    if (piece == nullptr || who == nullptr || (piece->exclusive && piece->exclusive != peer)) return 0;
    std::uint32_t taken = 0;
    bool left_one = false;
    std::uint32_t i = piece->first_missing;
    for (; i < piece->blocks.size() && taken < n && piece->missing > 0; ++i) {
        const auto& state = piece->blocks[i];
        if (state.received || state.copies > 0) continue;
        if (!may_ask(state, peer, others, now)) {
            if (!left_one) piece->first_missing = i;
            left_one = true;
            continue;
        }
        make_room_for_one(out);
        ask(*who, *piece, i, now);
        out.push_back(geometry_.block(index, i));
        ++taken;
    }
    if (!left_one) piece->first_missing = i;
    return taken;
}

std::uint32_t RequestLedger::request_copies(PieceIndex index, PeerKey peer, std::uint32_t copies, std::uint32_t n,
                                            Time asked_by, Time now, std::vector<Block>& out) {
    auto* piece = find(index);
    auto* who = find(peer);
    if (piece == nullptr || who == nullptr || copies == 0) return 0;
    std::uint32_t taken = 0;
    for (std::uint32_t i = 0; i < piece->blocks.size() && taken < n; ++i) {
        const auto& state = piece->blocks[i];
        if (state.copies != copies || state.asked_at > asked_by || !may_ask(state, peer, true, now)) continue;
        make_room_for_one(out);
        ask(*who, *piece, i, now);
        out.push_back(geometry_.block(index, i));
        ++taken;
    }
    if (taken > 0 && piece->exclusive != peer) piece->exclusive = {};
    return taken;
}

bool RequestLedger::on_request(PeerKey peer, const Block& block, Time now) {
    auto* piece = find(block.piece);
    auto* who = find(peer);
    const auto number = geometry_.block_number(block);
    if (piece == nullptr || who == nullptr || !number || !may_ask(piece->blocks[*number], peer, false, now))
        return false;
    ask(*who, *piece, *number, now);
    return true;
}

// ---- the ways in which a request ends

bool RequestLedger::unlist(BlockState& state, PeerKey peer) noexcept {
    const auto end = state.asked.begin() + state.copies;
    const auto at = std::find(state.asked.begin(), end, peer);
    if (at == end) return false;
    std::copy(at + 1, end, at);
    state.asked[--state.copies] = {};
    return true;
}

// The block's half of a request that ended without an answer.
void RequestLedger::release(PeerKey peer, const Block& block) {
    auto& piece = piece_of(block);
    const std::uint32_t number = block.begin / block_size;
    JST_CHECK(unlist(piece.blocks[number], peer), "a request is known to its block");
    --piece.pending;
    --total_outstanding_;
    if (piece.blocks[number].copies > 0) return;
    piece.first_missing = std::min(piece.first_missing, number);
    set_missing(piece, piece.missing + 1);
}

void RequestLedger::withdraw(PeerState& peer, std::size_t index) {
    const Request request = peer.queue.dropped(index);
    remember(peer, request.block);
    release(peer.key, request.block);
}

void RequestLedger::avoid(PeerKey peer, const Block& block, Time until) {
    auto& piece = piece_of(block);
    auto& state = piece.blocks[block.begin / block_size];
    state.avoided = peer;
    state.avoided_until = until;
    if (state.let_down < UINT8_MAX) ++state.let_down;
    piece.let_down = std::max<std::uint32_t>(piece.let_down, state.let_down);
    if (piece.exclusive != peer) return;
    piece.exclusive = {};
    piece.given_up_by = peer;
}

bool RequestLedger::on_reject(PeerKey peer, const Block& block, Time now) {
    auto* who = find(peer);
    if (who == nullptr) return false;
    // Asked, taken back and asked again: answers come in order, so this one is to the first question.
    if (forget(*who, block)) return false;
    const auto index = who->queue.find(block);
    if (!index) return false;
    who->queue.answered(*index, now);
    release(peer, block);
    avoid(peer, block, now + reject_avoidance);
    return true;
}

bool RequestLedger::cancel(PeerKey peer, const Block& block) {
    auto* who = find(peer);
    const auto index = who != nullptr ? who->queue.find(block) : std::nullopt;
    if (index) withdraw(*who, *index);
    return index.has_value();
}

void RequestLedger::cancel_piece(PieceIndex index, std::vector<PeerBlock>& cancels) {
    auto* piece = find(index);
    if (piece == nullptr) return;
    for (std::uint32_t i = 0; i < piece->blocks.size(); ++i) {
        const Block block = geometry_.block(index, i);
        while (piece->blocks[i].copies > 0) {
            const PeerKey peer = piece->blocks[i].asked[0];
            JST_CHECK(cancel(peer, block), "a request is known to its peer");
            cancels.push_back({peer, block});
        }
    }
}

void RequestLedger::expire(PeerKey peer, Time now, Duration timeout, std::vector<PeerBlock>& expired) {
    auto* who = find(peer);
    if (who == nullptr) return;
    if (planted<Plant::timeout_frees_nothing>()) return;
    for (std::size_t n = who->queue.expired(now, timeout); n > 0; --n) {
        const Block block = who->queue.view().front().block;
        withdraw(*who, 0);
        avoid(peer, block, now + timeout);
        expired.push_back({peer, block});
    }
}

void RequestLedger::expire(Time now, Duration timeout, std::vector<PeerBlock>& expired) {
    for (std::size_t i = 0; i < peers_.size(); ++i)
        if (peers_[i].key) expire(peers_[i].key, now, timeout, expired);
}

// A ring of what was asked for and is no longer outstanding: the oldest is forgotten first. Where memory is short it is
// not remembered: a late answer is not welcome then, but block and peer agree on what is asked.
void RequestLedger::remember(PeerState& peer, const Block& block) noexcept {
    if (peer.withdrawn.size() < max_withdrawn) {
        try {
            peer.withdrawn.push_back(block);
        } catch (const std::bad_alloc&) {
        }
        return;
    }
    peer.withdrawn[peer.withdrawn_next] = block;
    peer.withdrawn_next = (peer.withdrawn_next + 1) % max_withdrawn;
}

bool RequestLedger::forget(PeerState& peer, const Block& block) noexcept {
    const auto at = std::find(peer.withdrawn.begin(), peer.withdrawn.end(), block);
    if (at == peer.withdrawn.end()) return false;
    *at = {};  // names no block: its length is 0
    return true;
}

bool RequestLedger::is_withdrawn(PeerKey peer, const Block& block) const noexcept {
    const auto* who = find(peer);
    return who != nullptr && std::find(who->withdrawn.begin(), who->withdrawn.end(), block) != who->withdrawn.end();
}

bool RequestLedger::take_withdrawn(PeerKey peer, const Block& block) noexcept {
    auto* who = find(peer);
    return who != nullptr && forget(*who, block);
}

// ---- blocks

Arrival RequestLedger::on_block(PeerKey peer, const Block& block, bool have, Time now) {
    Arrival arrival;
    const auto number = geometry_.block_number(block);
    if (!number) return arrival;
    auto* who = find(peer);
    auto* piece = find(block.piece);
    const auto index = who != nullptr ? who->queue.find(block) : std::nullopt;
    if (index) {
        JST_CHECK(piece != nullptr, "a request belongs to an active piece");
        arrival.verdict = Verdict::accepted;
        arrival.asked = true;
        arrival.waited = now - who->queue.answered(*index, now).sent;
        JST_CHECK(unlist(piece->blocks[*number], peer), "a request is known to its block");
        --piece->pending;
        --total_outstanding_;
        receive(*piece, *number, *who, now, arrival);
        return arrival;
    }
    bool asked_once = arrival.asked = who != nullptr && forget(*who, block);
    if (planted<Plant::wrong_answer_ends_request>() && who != nullptr && !who->queue.empty()) withdraw(*who, 0);
    if (planted<Plant::unsolicited_block_stored>()) asked_once = who != nullptr;
    if (have || (piece != nullptr && piece->blocks[*number].received)) {
        arrival.verdict = Verdict::duplicate;
    } else if (!asked_once) {
        arrival.verdict = Verdict::unrequested;
    } else if (piece == nullptr) {
        arrival.verdict = Verdict::unwanted;
    } else {
        arrival.verdict = Verdict::late;
        if (piece->blocks[*number].copies == 0) set_missing(*piece, piece->missing - 1);
        receive(*piece, *number, *who, now, arrival);
    }
    return arrival;
}

void RequestLedger::receive(ActivePiece& piece, std::uint32_t number, const PeerState& from, Time now,
                            Arrival& arrival) {
    auto& state = piece.blocks[number];
    const Block block = geometry_.block(piece.piece, number);
    cancel_others(state, block, arrival);
    piece.pending -= arrival.num_cancels;
    total_outstanding_ -= arrival.num_cancels;
    if (const PeerKey holder = end_lease(state, block); holder != from.key) arrival.revoked = holder;
    state.received = true;
    state.source = from.key;
    state.host = from.host;
    partial_bytes_ += block.length;
    piece.last_block = now;
    piece.let_down = 0;
    arrival.piece_complete = ++piece.received == piece.blocks.size();
}

void RequestLedger::cancel_others(BlockState& state, const Block& block, Arrival& arrival) {
    for (std::uint32_t i = 0; i < state.copies; ++i) {
        auto* loser = find(state.asked[i]);
        const auto index = loser != nullptr ? loser->queue.find(block) : std::nullopt;
        JST_CHECK(index.has_value(), "a request is known to its peer");
        loser->queue.dropped(*index);
        remember(*loser, block);
        arrival.cancel_list[arrival.num_cancels++] = loser->key;
    }
    state.asked.fill({});
    state.copies = 0;
}

// ---- leases

bool RequestLedger::lease(PeerKey peer, const Block& block) {
    auto* who = find(peer);
    auto* piece = find(block.piece);
    const auto number = geometry_.block_number(block);
    if (who == nullptr || piece == nullptr || !number) return false;
    auto& state = piece->blocks[*number];
    if (state.received || (state.lease && state.lease != peer)) return false;
    if (state.lease == peer) return true;
    const bool asked = who->queue.find(block).has_value() ||
                       std::find(who->withdrawn.begin(), who->withdrawn.end(), block) != who->withdrawn.end();
    if (!asked) return false;
    who->leases.push_back(block);
    state.lease = peer;
    return true;
}

void RequestLedger::release_lease(PeerKey peer, const Block& block) {
    auto* who = find(peer);
    if (who == nullptr || std::find(who->leases.begin(), who->leases.end(), block) == who->leases.end()) return;
    end_lease(state_of(block), block);
}

bool RequestLedger::is_leased(const Block& block) const noexcept {
    const auto* piece = find(block.piece);
    const auto number = geometry_.block_number(block);
    return piece != nullptr && number && piece->blocks[*number].lease;
}

PeerKey RequestLedger::end_lease(BlockState& state, const Block& block) noexcept {
    const PeerKey holder = state.lease;
    state.lease = {};
    if (auto* who = find(holder)) std::erase(who->leases, block);
    return holder;
}

}  // namespace jst::policy
