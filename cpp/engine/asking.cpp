// Download's other half: what we want, and asking for it.
#include <algorithm>

#include "base/planted.hpp"
#include "engine/download.hpp"

namespace jst::engine {
namespace {
constexpr Duration look_for_overdue = seconds(1);
}  // namespace

void Download::begin(const codec::Metainfo& metainfo, policy::PiecePicker picker) {
    JST_CHECK(metainfo_ == nullptr && peers.empty(), "metadata is taken once, before anybody joins");
    metainfo_ = &metainfo;
    picker_ = std::move(picker);
    work_.reset();
}

void Download::reset(const Bitfield& have, bool sequential) {
    picker_.reset(have);
    for (auto it = parked_->begin(); it != parked_->end();) {
        const auto [piece, flags] = *it++;
        if (have[piece]) forget_parked(piece, flags);
    }
    set_sequential(sequential);
    hungry_ = true;
}

void Download::set_priority(PieceIndex piece, std::uint8_t priority, Time) {
    if (picker_.priority(piece) == priority) return;
    picker_.set_priority(piece, priority);
    hungry_ = true;
    if (priority > 0 || !ledger().is_active(piece)) return;
    Work& w = work();
    w.withdrawn.clear();
    w.ledger.cancel_piece(piece, w.withdrawn);
    send_cancels(w.withdrawn);
}

void Download::suspend(Keep keep, Time now) {
    allowed_ = false;
    in_endgame_ = false;
    if (!work_) return;
    Work& w = work();
    const std::vector<PieceIndex> active(w.ledger.active().begin(), w.ledger.active().end());
    for (const PieceIndex piece : active) {
        w.withdrawn.clear();
        w.ledger.cancel_piece(piece, w.withdrawn);
        send_cancels(w.withdrawn);
        const auto status = w.ledger.status(piece);
        if (believes_stale_hashes() && status.progress != policy::PieceProgress::downloading) drop_piece(piece, now);
        // Whole, and nothing of it is out: memory ran out in the turn that would have hashed, written or entered it.
        const bool left_over = job(piece) == nullptr || job(piece)->is_idle();
        if (status.progress != policy::PieceProgress::downloading && !left_over) continue;
        const bool is_whole = status.progress != policy::PieceProgress::downloading;
        if (keep == Keep::nothing || status.blocks_received == 0 || is_whole)
            drop_piece(piece, now);
        else if (keep == Keep::on_disk)
            park_piece(piece, now);
    }
    if (keep != Keep::nothing) return;
    for (auto& [piece, parking] : w.parking) parking.first->abandon();
}

void Download::send_cancels(std::span<const policy::PeerBlock> cancels) {
    for (const auto& c : cancels)
        if (Peer* peer = core_.peer(c.peer)) peer->send(wire::Cancel{c.block});
}

// What is wanted shrinks, so that each look begins where the last one ended.
bool Download::has_wanted(Peer& peer) const {
    auto& claims = peer.claims;
    if (std::exchange(claims.as_of_growth, picker_.growth()) != picker_.growth()) claims.wanted_from = {};
    if (picker_.is_complete() || claims.have.none()) return false;
    claims.wanted_from = picker_.first_wanted(claims.have, claims.wanted_from);
    return claims.wanted_from.value < claims.have.size();
}

void Download::update_interest(Peer& peer) { set_interest(peer, allowed_ && has_wanted(peer)); }

void Download::set_interest(Peer& peer, bool on) {
    if (std::exchange(peer.choking.am_interested, on) == on) return;
    if (on)
        peer.send(wire::Interested{});
    else
        peer.send(wire::NotInterested{});
}

void Download::refill_all(Time now) {
    hungry_ = false;
    starved_ = false;
    somebody_idles_ = false;
    if (allowed_ && !parked_->empty()) take_up_parked(now);
    const std::vector<PeerKey> all = peers;
    for (const PeerKey key : all) {
        Peer* const peer = core_.peer(key);
        if (peer == nullptr) continue;
        update_interest(*peer);
        fill(*peer, now);
    }
}

// How many pieces may be active: the setting, and what memory is left for them.
std::uint32_t Download::most_active() const {
    const std::uint64_t each = PieceJob::reservation(core_, geometry_.piece_length);
    const std::uint64_t most = core_.download_memory();
    const std::uint64_t left = most > core_.reserved() ? (most - core_.reserved()) / each : 0;
    std::uint64_t allowed = ledger().active_count() + left;
    if (core_.reserved() == 0) allowed = std::max<std::uint64_t>(allowed, 1);
    if (core_.settings.max_active_pieces && !planted<Plant::active_cap_missing>())
        allowed = std::min(allowed, *core_.settings.max_active_pieces);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(allowed, geometry_.num_pieces));
}

// However fast one peer is, it leaves half of the memory to the others: should it fall silent, they go on. And it is
// not asked for more than a limit lets through soon. All together are not bounded so: silent ones would use that up.
std::uint32_t Download::most_of_one() const {
    const std::uint32_t most = std::min(policy::blocks_within(core_.throttle.down, policy::asked_ahead),
                                        policy::blocks_within(client_.download_limit(), policy::asked_ahead));
    if (peers.size() < 2) return most;
    const auto half = static_cast<std::uint32_t>(core_.download_memory() / 2 / block_size);
    return std::min(most, std::max(half, policy::Pipeline::least_window));
}

// Who left requests unanswered comes after the others, when the round ends, not at once because it unchokes us again.
// Of memory that was short nobody gets any before its turn.
void Download::refill(Peer& peer, Time now) {
    if (allowed_ && hungry_ && peers.size() > 1 && (starved_ || peers.back() == peer.key))
        return client_.on_download_idle(now);
    fill(peer, now);
}

void Download::fill(Peer& peer, Time now) {
    Work& w = work();
    if (!allowed_ || !peer.is_connected() || !peer.choking.am_interested) return;
    if (peer.choking.peer_choking && peer.claims.allowed_fast.empty()) return;
    const auto outstanding = static_cast<std::uint32_t>(w.ledger.outstanding(peer.key).size());
    const std::uint32_t room = peer.pipeline.refill(outstanding, now, most_of_one());
    if (room == 0) return;
    w.asked.clear();
    const std::uint32_t got = ask(peer, room, now);
    if (got == 0 && outstanding == 0) update_interest(peer);
    request(peer, w.asked, now);
}

std::uint32_t Download::ask(Peer& peer, std::uint32_t n, Time now) {
    Work& w = work();
    const policy::Asker asker{peer.key, &peer.claims.have, w.blame.is_on_parole(peer.address.host)};
    const std::uint32_t most = most_active();
    policy::Picked picked;
    if (peer.choking.peer_choking)
        picked = picker_.pick_among(peer.claims.allowed_fast, asker, n, most, w.ledger, now, w.asked);
    else
        picked = picker_.pick(asker, n, most, w.ledger, w.prng, now, w.asked);
    if (asker.on_parole && picked.count == 0 && !peer.choking.peer_choking)
        picked = take_orphan(peer, asker, n, most, now);
    if (picked.capped) {
        starved_ = true;
        if (const auto dead = picker_.stranded(w.ledger, now)) drop_piece(*dead, now);
    }
    if (picked.count >= n || peer.choking.peer_choking) return picked.count;
    if (picked.capped && picked.count == 0) {
        const std::uint32_t taken = take_overdue(peer, asker, n, now);
        return taken > 0 ? taken : take_place(peer, asker, n, now);
    }
    if (!notice_endgame(now)) return picked.count > 0 ? picked.count : ask_overdue(peer, asker, n, now);
    if (!may_copy(peer, now) || waits_for_limit(peer, now)) return picked.count;
    const std::uint32_t copies = w.endgame.pick_duplicates(asker, n - picked.count, picker_, w.ledger, now, w.asked);
    if (copies == 0 && w.endgame.deadline() > now) peer.timer.set_sooner(w.endgame.deadline());
    return picked.count + copies;
}

// Those who were asked for the pieces that fill the memory could else keep everybody out who has others. Where it is we
// who read slowly, nobody is to blame.
std::uint32_t Download::take_place(Peer& peer, const policy::Asker& asker, std::uint32_t n, Time now) {
    Work& w = work();
    if (!w.ledger.outstanding(peer.key).empty()) return 0;
    const auto waits = picker_.held_up(asker, w.ledger, now);
    if (!waits || waits_for_limit(peer, now)) return 0;
    drop_piece(*waits, now);
    return picker_.pick(asker, n, most_active(), w.ledger, w.prng, now, w.asked).count;
}

// On parole a peer works alone, so it may not go on with what another began.
policy::Picked Download::take_orphan(Peer& peer, const policy::Asker& asker, std::uint32_t n, std::uint32_t most,
                                     Time now) {
    Work& w = work();
    if (!w.ledger.outstanding(peer.key).empty()) return {};
    if (const auto left = picker_.orphan(asker, w.ledger, now)) {
        drop_piece(*left, now);
        return picker_.pick(asker, n, most, w.ledger, w.prng, now, w.asked);
    }
    if (w.ledger.active_count() > 0) peer.timer.set_sooner(now + look_for_overdue);
    return {};
}

// When it begins, those who had nothing to do before have something now.
bool Download::notice_endgame(Time now) {
    const bool before = std::exchange(in_endgame_, work().endgame.in_endgame(picker_, work().ledger, now));
    if (in_endgame_ && !before) hungry_ = true;
    return in_endgame_;
}

// Before the end, who has nothing else to do takes over what others have owed for long.
std::uint32_t Download::ask_overdue(Peer& peer, const policy::Asker& asker, std::uint32_t n, Time now) {
    Work& w = work();
    if (!w.endgame.is_enabled() || w.ledger.total_outstanding() == 0 || !w.ledger.outstanding(peer.key).empty())
        return 0;
    const std::uint32_t taken = take_overdue(peer, asker, n, now);
    if (taken == 0) peer.timer.set_sooner(now + look_for_overdue);
    return taken;
}

// Seldom, however many idle and however often they ask: nobody falls silent sooner than that. The first who asks too
// early asks again.
void Download::look_for_stuck(Peer& idle, Time now) {
    if (now < work().next_look) {
        if (somebody_idles_) return;
        work().looker = idle.key;
        return idle.timer.set_sooner(work().next_look);
    }
    work().looker = {};
    work().next_look = now + policy::Pipeline::least_patience;
    work().looks_in_vain = 0;
    work().stuck.clear();
    for (const PeerKey key : peers) {
        Peer* const owner = core_.peer(key);
        const Time at = owner == nullptr ? Time::never() : stuck_at(*owner);
        if (at <= now)
            work().stuck.push_back(key);
        else if (!at.is_never())
            owner->timer.set_sooner(at);
    }
}

// Who has nothing else to do need not wait for those that have fallen silent. They begin small again.
std::uint32_t Download::take_over(Peer& peer, const policy::Asker& asker, std::uint32_t n, Time now) {
    Work& w = work();
    if (!w.ledger.outstanding(peer.key).empty()) return 0;
    look_for_stuck(peer, now);
    std::uint32_t taken = 0;
    for (const PeerKey key : w.stuck) {
        Peer* const owner = core_.peer(key);
        if (owner == nullptr || taken == n || stuck_at(*owner) > now) continue;
        const std::uint32_t got = w.endgame.pick_stuck(asker, key, n - taken, picker_, w.ledger, now, w.asked);
        if (got > 0 && owner->pipeline.paused_until() <= now)
            owner->pipeline.on_timeout(now, owner->pipeline.stuck_after(), 0);
        taken += got;
    }
    if (taken > 0) return taken;
    somebody_idles_ = true;
    if (++w.looks_in_vain > peers.size()) w.stuck.clear();
    return 0;
}

// From those who have fallen silent, or else what has been owed for long.
std::uint32_t Download::take_overdue(Peer& peer, const policy::Asker& asker, std::uint32_t n, Time now) {
    Work& w = work();
    if (const std::uint32_t taken = take_over(peer, asker, n, now); taken > 0) return taken;
    return waits_for_limit(peer, now) ? 0 : w.endgame.pick_overdue(asker, n, picker_, w.ledger, now, w.asked);
}

// While a limit keeps us from reading what others sent, who is asked for the same only makes it come twice.
bool Download::waits_for_limit(Peer& idle, Time now) const {
    const auto has_unread = [&](PeerKey key) {
        const Peer* const peer = core_.peer(key);
        return peer != nullptr && !ledger().outstanding(key).empty() && is_held_back(*peer, now);
    };
    const bool waits = std::any_of(peers.begin(), peers.end(), has_unread);
    if (waits) idle.timer.set_sooner(now + look_for_overdue);
    return waits;
}

// A peer that is busy with blocks of its own would only double what comes anyway; one that is stuck is not busy.
bool Download::may_copy(Peer& peer, Time now) const {
    const auto outstanding = ledger().outstanding(peer.key);
    if (outstanding.empty()) return true;
    const Time stuck = outstanding.back().sent + policy::Endgame::proven_head_start;
    if (stuck > now) peer.timer.set_sooner(stuck);
    return stuck <= now;
}

void Download::request(Peer& peer, const std::vector<Block>& blocks, Time now) {
    if (blocks.empty()) return;
    if (work().ledger.outstanding(peer.key).size() == blocks.size() && !peer.pipeline.is_silent()) {
        peer.traffic.owes_since = now;
        peer.traffic.said_instead = 0;
    }
    peer.pipeline.on_asked();
    runtime::Tag tag = peer.tag();
    for (const Block& block : blocks) {
        if (job(block.piece) == nullptr) core_.promise(begin_piece(block.piece).reservation());
        peer.send(wire::Request{block});
        tag.piece = block.piece.value;
        tag.begin = block.begin;
        core_.rt.point(runtime::Point::request_sent, tag);
    }
    peer.timer.set_sooner(std::min(deadline(peer), snub_deadline(peer)));
}

}  // namespace jst::engine
