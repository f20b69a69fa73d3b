#include "engine/conversation.hpp"

#include <algorithm>

#include "base/planted.hpp"
#include "engine/torrent.hpp"
#include "policy/bit_scan.hpp"

namespace jst::engine {
namespace {

template <class... Visitors>
struct Overload : Visitors... {
    using Visitors::operator()...;
};
template <class... Visitors>
Overload(Visitors...) -> Overload<Visitors...>;

CloseReason reason_of(Errc error) noexcept {
    return error == Errc::end_of_stream ? CloseReason::closed : CloseReason::reset;
}

}  // namespace

bool may_say_again(const Peer& peer, bool repeats_all) noexcept {
    return repeats_all && peer.id && as_text(peer.id->view()).starts_with("A2-");
}

// -- the link ---------------------------------------------------------------------------------------------------------

void Conversation::on_connected(Peer& peer, Errc error, Time now) {
    torrent_.swarm().on_dial_done(peer, error, now);
    if (peer.closed) return;
    say_hello(peer);
    peer.link->await_readable();
}

void Conversation::on_readable(Peer& peer, Time now) {
    std::uint64_t budget = turn_budget;
    while (read_some(peer, budget, now) && budget > 0) {
    }
    if (peer.closed) return;
    torrent_.download().refill(peer, now);
    if (!peer.waits_for_rate && !peer.waits_for_memory) peer.link->await_readable();
}

// One scatter read and what came of it. True when there may be more to read.
bool Conversation::read_some(Peer& peer, std::uint64_t& budget, Time now) {
    auto& download = torrent_.download();
    std::array<MutableBytes, wire::max_spans> spans;
    const auto expected =
        peer.state == PeerState::connected ? download.expect(peer) : std::span<const wire::ExpectedBlock>{};
    std::size_t n = peer.wire.prepare(expected, core_.scratch, spans);
    // Within a header nothing is predicted: its rest is read alone, so that the blocks behind it find their places.
    if (n == 1 && !expected.empty()) spans[0] = spans[0].first(wire::piece_header_size);
    // Payload that overflows would be lost. Who shows its handshake brings none, whatever was found out of the peer
    // before.
    else if (peer.state == PeerState::connected && download.is_short_of_memory() &&
             expected.size() <= wire::max_predicted)
        --n;
    if (n == 0) {
        peer.waits_for_memory = true;
        download.wait_for_memory();
        return read_nothing(peer, now);
    }
    std::uint64_t room = 0;
    for (std::size_t i = 0; i < n; ++i) room += spans[i].size();
    // At a limit of 0 nothing is asked for, and what comes all the same is what the link lives by.
    const bool free = torrent_.is_download_barred();
    const std::uint64_t granted =
        free ? room : policy::take_both(core_.throttle.down, torrent_.throttle().down, room, now);
    if (granted == 0) {
        wait_for_rate(peer, now);
        return read_nothing(peer, now);
    }
    if (granted < room) {
        std::uint64_t left = granted;
        for (std::size_t i = 0; i < n; ++i) {
            if (spans[i].size() >= left) {
                spans[i] = spans[i].first(static_cast<std::size_t>(left));
                n = i + 1;
                break;
            }
            left -= spans[i].size();
        }
    }
    const auto got = peer.link->stream()->read_now(std::span<const MutableBytes>(spans).first(n));
    const std::uint64_t bytes = got ? *got : 0;
    if (!free) {
        core_.throttle.down.give_back(granted - bytes);
        torrent_.throttle().down.give_back(granted - bytes);
    }
    if (!got) {
        read_nothing(peer, now);
        if (got.error().code != Errc::would_block) torrent_.swarm().close(peer, reason_of(got.error().code), now);
        return false;
    }
    peer.count(&Counters::wire_received, bytes);
    peer.traffic.said_instead += bytes;  // a block that is in it makes it nought
    budget -= std::min(budget, bytes);
    const auto committed = peer.wire.commit(static_cast<std::size_t>(bytes), now);
    if (!committed || !drain(peer, now)) return false;
    return bytes == granted;
}

// What was prepared is taken back.
bool Conversation::read_nothing(Peer& peer, Time now) {
    static_cast<void>(peer.wire.commit(0, now));
    while (peer.wire.next_event()) {
    }
    torrent_.download().settle(peer);
    return false;
}

// All that was understood of what came. False when the peer is closed.
bool Conversation::drain(Peer& peer, Time now) {
    while (!peer.closed) {
        const auto event = peer.wire.next_event();
        if (!event) break;
        on_event(peer, *event, now);
    }
    if (peer.closed) return false;
    torrent_.download().settle(peer);
    if (!peer.wire.failed()) return true;
    breach(peer, now);
    return false;
}

void Conversation::wait_for_rate(Peer& peer, Time now) {
    peer.waits_for_rate = true;
    peer.traffic.left_unread = now;
    const Duration waited = now - std::max(peer.wire.last_received(), peer.began);
    peer.timer.set_sooner(read_again_at(now) + policy::behind_others(waited));
}

Time Conversation::read_again_at(Time now) {
    return policy::deadline_both(core_.throttle.down, torrent_.throttle().down, policy::gulp, now);
}

void Conversation::go_on_reading(Peer& peer, Time now) {
    if (read_again_at(now) > now) return wait_for_rate(peer, now);
    peer.waits_for_rate = false;
    peer.link->await_readable();
}

void Conversation::read_on() {
    for (const PeerKey key : torrent_.download().peers) {
        Peer* const peer = core_.peer(key);
        if (peer != nullptr && std::exchange(peer->waits_for_memory, false)) peer->link->await_readable();
    }
}

void Conversation::on_rates() {
    for (const PeerKey key : torrent_.download().peers) {
        Peer* const peer = core_.peer(key);
        if (peer == nullptr || peer->closed) continue;
        if (torrent_.upload().is_barred()) torrent_.upload().hold(*peer);
        if (std::exchange(peer->waits_for_rate, false)) peer->link->await_readable();
        core_.touch(*peer);
    }
}

void Conversation::on_written(Peer& peer, Errc error, std::uint64_t wire, std::uint64_t payload, Time now) {
    peer.count(&Counters::wire_sent, wire);
    if (planted<Plant::sent_off_by_one>()) peer.count(&Counters::wire_sent, 1);
    peer.count(&Counters::payload_sent, payload);
    if (payload > 0) {
        peer.traffic.up.add(payload, now);
        torrent_.up_rate().add(payload, now);
        core_.up_rate.add(payload, now);
    }
    const std::uint64_t unused = peer.traffic.granted - std::min(peer.traffic.granted, wire);
    core_.throttle.up.give_back(unused);
    torrent_.throttle().up.give_back(unused);
    peer.traffic.granted = 0;
    const bool taken_back = error == Errc::canceled;  // others need the memory
    if (taken_back || torrent_.upload().is_barred()) torrent_.upload().hold(peer);
    if (error != Errc::ok && !taken_back) return torrent_.swarm().close(peer, CloseReason::reset, now);
    peer.traffic.took_nothing = taken_back && wire == 0;
    if (!peer.traffic.took_nothing) peer.traffic.last_sent = peer.traffic.last_taken = now;
    core_.touch(peer);
}

void Conversation::on_flush(Peer& peer, Time now) {
    torrent_.upload().pump(peer);
    if (peer.link->is_writing() || peer.link->out().empty() || !peer.link->is_open()) return;
    const std::uint64_t want = peer.link->out().pending_bytes();
    // Only payload is held back by a limit: requests and chokes must pass, and are charged.
    const std::uint64_t payload = peer.link->out().pending_payload();
    std::uint64_t most = want;
    if (payload == 0 || torrent_.upload().is_barred()) {
        core_.throttle.up.charge(want, now);
        torrent_.throttle().up.charge(want, now);
    } else {
        most = policy::take_both(core_.throttle.up, torrent_.throttle().up, want, now);
        peer.traffic.granted = most;
        if (most < want) {
            const Time later = policy::deadline_both(core_.throttle.up, torrent_.throttle().up, block_size, now);
            peer.timer.set_sooner(later);
        }
    }
    if (most == 0) return;
    peer.traffic.last_sent = now;
    if (!peer.traffic.took_nothing) peer.traffic.last_taken = now;
    peer.link->flush(most);
}

// -- time -------------------------------------------------------------------------------------------------------------

// Who says nothing is gone, and so is who takes nothing of what waits for it: that is memory which others need.
Time Conversation::alive_until(const Peer& peer) const {
    const Time heard = std::max(peer.wire.last_received(), peer.began);
    const Time seen = peer.link->is_writing() ? std::min(heard, peer.traffic.last_taken) : heard;
    return seen + to_duration(core_.settings.inactivity_timeout);
}

Time Conversation::deadline(const Peer& peer, Time now) const {
    const auto& s = core_.settings;
    if (peer.state == PeerState::connecting) return peer.began + to_duration(s.connect_timeout);
    if (peer.state == PeerState::handshake) return peer.began + to_duration(s.handshake_timeout);
    Time due = std::min(peer.traffic.last_sent + to_duration(s.keepalive_interval), alive_until(peer));
    due = std::min(due, torrent_.download().deadline(peer));
    due = std::min(due, torrent_.download().snub_deadline(peer));
    const auto& link = *peer.link;
    if (!link.is_writing() && link.out().pending_payload() > 0)
        due = std::min(due, policy::deadline_both(core_.throttle.up, torrent_.throttle().up, block_size, now));
    return due;
}

void Conversation::on_peer_timer(Peer& peer, Time now) {
    auto& swarm = torrent_.swarm();
    const auto& s = core_.settings;
    if (peer.state == PeerState::connecting && now >= peer.began + to_duration(s.connect_timeout))
        return swarm.close(peer, CloseReason::connect_timeout, now);
    if (peer.state == PeerState::handshake && now >= peer.began + to_duration(s.handshake_timeout))
        return swarm.close(peer, CloseReason::handshake_timeout, now);
    if (peer.state == PeerState::connected) {
        if (!planted<Plant::silence_is_forever>() && now >= alive_until(peer))
            return swarm.close(peer, CloseReason::inactive, now);
        if (now >= peer.traffic.last_sent + to_duration(s.keepalive_interval)) {
            peer.traffic.last_sent = now;
            if (!planted<Plant::keepalive_never_sent>()) peer.send(wire::KeepAlive{});
        }
        auto& download = torrent_.download();
        if (!planted<Plant::never_snubbed>() && now >= download.snub_deadline(peer)) peer.snubbed = true;
        if (download.expire(peer, now)) core_.touch(torrent_);
        download.refill(peer, now);
    }
    if (peer.waits_for_rate) go_on_reading(peer, now);
    core_.touch(peer);
    const Time next = deadline(peer, now);
    peer.timer.set_sooner(next > now ? next : now + milliseconds(1));
}

// -- hello ------------------------------------------------------------------------------------------------------------

void Conversation::say_hello(Peer& peer) {
    peer.ours.set_fast().set_extended();
    wire::Handshake mine;
    mine.reserved = peer.ours;
    mine.info_hash = torrent_.hashes().wire_id();
    mine.peer_id = core_.peer_id;
    peer.link->out().push_raw(mine.encode());
    core_.touch(peer);
}

void Conversation::greet(Peer& peer, const wire::Handshake& theirs, Time now) {
    say_hello(peer);
    on_handshake(peer, theirs, now);
    if (peer.closed || !drain(peer, now)) return;
    torrent_.download().refill(peer, now);
    peer.link->await_readable();
}

void Conversation::on_handshake(Peer& peer, const wire::Handshake& theirs, Time now) {
    if (!torrent_.hashes().matches(theirs.info_hash))
        return torrent_.swarm().close(peer, CloseReason::unknown_torrent, now);
    peer.theirs = theirs.reserved;
    peer.id = theirs.peer_id;
    if (teller_) teller_->tell(now);  // to the others: its claims will say it
    if (!torrent_.swarm().complete(peer, now)) return;
    if (torrent_.knows_pieces())
        torrent_.download().on_join(peer);
    else
        peer.metadata.early = std::make_unique<policy::EarlyClaims>();
    say_claims(peer);
    peer.timer.set(deadline(peer, now));
}

void Conversation::say_claims(Peer& peer) {
    const Bitfield& have = torrent_.have();
    if (peer.fast() && have.none())
        peer.send(wire::HaveNone{});
    else if (peer.fast() && have.all())
        peer.send(wire::HaveAll{});
    else if (!have.none())
        peer.send(wire::BitfieldMessage{have.wire()});
    say_extended(peer);
}

void Conversation::announce_have(PieceIndex piece, Time now) {
    if (!teller_) teller_ = std::make_unique<HaveTeller>(core_, torrent_);
    teller_->add(piece, now);
}

// -- messages ---------------------------------------------------------------------------------------------------------

void Conversation::breach(Peer& peer, Time now) {
    if (planted<Plant::breach_closes_all>()) torrent_.swarm().stop(CloseReason::protocol_error, now);
    torrent_.swarm().close(peer, CloseReason::protocol_error, now);
}

void Conversation::on_event(Peer& peer, const wire::PeerWire::Event& event, Time now) {
    std::visit(Overload{
                   [&](const wire::Message& message) { on_message(peer, message, now); },
                   [&](const wire::BlockStarted& started) {
                       if (!peer.metadata.early) torrent_.download().on_block_started(peer, started, now);
                   },
                   [&](const wire::BlockArrived& arrived) {
                       peer.claims.may_claim = false;
                       if (peer.metadata.early) return drop_early(peer, arrived, now);
                       torrent_.down_rate().add(arrived.block.length, now);
                       torrent_.download().on_block(peer, arrived, now);
                       if (peer.traffic.unrequested > max_unrequested_blocks) breach(peer, now);
                   },
                   [&](const wire::HandshakePreamble&) {},
                   [&](const wire::Handshake& theirs) { on_handshake(peer, theirs, now); },
               },
               event);
}

void Conversation::on_message(Peer& peer, const wire::Message& message, Time now) {
    const bool neutral = std::holds_alternative<wire::KeepAlive>(message) ||
                         std::holds_alternative<wire::Extended>(message) ||
                         std::holds_alternative<wire::Port>(message) || std::holds_alternative<wire::Unknown>(message);
    if (hear_early(peer, message, now)) {
        peer.claims.may_claim = peer.claims.may_claim && neutral;
        return;
    }
    std::visit(Overload{
                   [&](const wire::Choke&) { on_choke(peer, true, now); },
                   [&](const wire::Unchoke&) { on_choke(peer, false, now); },
                   [&](const wire::Interested&) { on_interest(peer, true, now); },
                   [&](const wire::NotInterested&) { on_interest(peer, false, now); },
                   [&](const wire::Have& m) { on_have(peer, m.piece, now); },
                   [&](const wire::BitfieldMessage& m) { on_bitfield(peer, m.bits, now); },
                   [&](const wire::HaveAll&) { on_claim(peer, true, now); },
                   [&](const wire::HaveNone&) { on_claim(peer, false, now); },
                   [&](const wire::Request& m) { on_request(peer, m.block, now); },
                   [&](const wire::Cancel& m) {
                       if (!torrent_.upload().on_cancel(peer, m.block)) breach(peer, now);
                   },
                   [&](const wire::Reject& m) { on_reject(peer, m.block, now); },
                   [&](const wire::AllowedFast& m) { torrent_.download().on_allowed_fast(peer, m.piece); },
                   [&](const wire::Extended& m) { on_extended(peer, m, now); },
                   // Nothing to do: keep-alives (hearing them was enough), DHT ports, suggestions, hash messages (v2)
                   // and what nobody knows; a PIECE comes as BlockArrived.
                   [](const auto&) {},
               },
               message);
    if (!neutral) peer.claims.may_claim = false;
}

void Conversation::on_reject(Peer& peer, const Block& block, Time now) {
    torrent_.download().on_rejected(peer, block, now);
    core_.touch(torrent_);
}

void Conversation::on_bitfield(Peer& peer, Bytes bits, Time now) {
    auto have = Bitfield::from_wire(bits, torrent_.metainfo().num_pieces());
    if (!have) return breach(peer, now);
    auto& download = torrent_.download();
    if (peer.claims.may_claim) {
        download.on_claims(peer, std::move(*have), now);
    } else {
        const PieceIndex first{0};
        const Bitfield& known = peer.claims.have;
        if (!may_say_again(peer, policy::next_beyond(known, *have, first).value >= known.size()))
            return breach(peer, now);
        for (auto added = policy::next_beyond(*have, known, first); added.value < known.size();
             added = policy::next_beyond(*have, known, added))
            download.on_have(peer, added);
    }
    if (torrent_.is_complete() && peer.is_seed()) torrent_.swarm().close(peer, CloseReason::both_seeds, now);
}

void Conversation::on_claim(Peer& peer, bool all, Time now) {
    if (!peer.claims.may_claim || !peer.fast()) return breach(peer, now);
    torrent_.download().on_claims(peer, Bitfield(torrent_.metainfo().num_pieces(), all), now);
    if (all && torrent_.is_complete()) torrent_.swarm().close(peer, CloseReason::both_seeds, now);
}

void Conversation::on_have(Peer& peer, PieceIndex piece, Time now) {
    if (piece.value >= torrent_.metainfo().num_pieces()) return breach(peer, now);
    torrent_.download().on_have(peer, piece);
    if (torrent_.is_complete() && peer.is_seed()) torrent_.swarm().close(peer, CloseReason::both_seeds, now);
}

void Conversation::on_choke(Peer& peer, bool on, Time now) {
    if (peer.choking.peer_choking == on) return;
    if (!peer.may_ask()) return breach(peer, now);
    if (on) {
        peer.choking.unchoked_total = peer.choking.unchoked_total + (now - peer.choking.unchoked_since);
        peer.choking.peer_choking = true;
        if (peer.metadata.early) return;
        torrent_.download().on_choked(peer, now);
        core_.touch(torrent_);
        return;
    }
    peer.choking.peer_choking = false;
    peer.choking.unchoked_since = peer.traffic.last_payload = now;
    if (!peer.metadata.early) torrent_.download().on_unchoked(peer, now);
}

void Conversation::on_interest(Peer& peer, bool on, Time now) {
    if (peer.choking.peer_interested == on) return;
    if (!peer.may_ask()) return breach(peer, now);
    peer.choking.peer_interested = on;
    torrent_.swarm().on_interest();
}

void Conversation::on_request(Peer& peer, const Block& block, Time now) {
    if (!torrent_.upload().on_request(peer, block, torrent_.have())) breach(peer, now);
}

}  // namespace jst::engine
