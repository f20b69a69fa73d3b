#include "engine/listener.hpp"

#include <algorithm>

#include "base/planted.hpp"
#include "base/undo.hpp"
#include "engine/torrent.hpp"

namespace jst::engine {

using Verdict = policy::Doorkeeper::Verdict;

/// One bound address.
struct Listener::Door {
    Door(Listener& owner, const Endpoint& where, std::unique_ptr<runtime::Listener> bound)
        : listener(owner), at(where), socket(std::move(bound)), retry(owner.core_.timers, on_retry, this) {
        accept.owner = this;
        accept.on_done = [](runtime::Op& op, Time now) {
            auto& door = *static_cast<Door*>(op.owner);
            door.listener.on_accepted(door, now);
        };
    }
    static void on_retry(Timer& timer, Time) { timer.owner<Door>().accept_more(); }
    void accept_more() {
        if (!closed && !guest && !accept.pending && !retry.is_set()) socket->accept(accept);
    }
    void close() {
        closed = true;
        retry.cancel();
        socket->close();
        if (guest) guest->close(runtime::CloseMode::abort);
        guest.reset();
    }
    Listener& listener;
    Endpoint at;
    std::unique_ptr<runtime::Listener> socket;
    runtime::AcceptOp accept;
    std::unique_ptr<runtime::Stream> guest;  // waits for a place
    Timer retry;
    bool closed = false;
    bool starved = false;  // accepts fail
};

Listener::Listener(Core& core, Registry& registry)
    : core_(core),
      registry_(registry),
      // That there is a round is all that is needed.
      again_(core.timers, [](Timer&, Time) {}, this) {}

Listener::~Listener() = default;

// -- where we listen --------------------------------------------------------------------------------------------------

Result<void> Listener::listen(const Settings& wanted, std::string& failed) {
    Doors fresh;
    const auto port = bind(wanted, fresh, failed);
    if (!port) return port.error();
    retire_doors(wanted, *port);
    for (auto& door : fresh) doors_.push_back(std::move(door));
    core_.listen_hosts.clear();
    for (const auto& text : wanted.listen) core_.listen_hosts.push_back(*IpAddress::parse(text));
    core_.listen_port = doors_.empty() ? std::nullopt : std::optional(*port);
    for (const auto& door : doors_) door->accept_more();
    return {};
}

// A port that is not named stays what it was, if it can.
Result<std::uint16_t> Listener::bind(const Settings& wanted, Doors& fresh, std::string& failed) {
    constexpr int attempts = 16;  // for one free port on all addresses
    const std::uint16_t first = wanted.listen_port.value_or(core_.listen_port.value_or(0));
    auto port = bind_missing(wanted, first, fresh, failed);
    if (!port && port.error().code == Errc::address_in_use && first == core_.listen_port)
        port = bind_in_place(wanted, first, fresh, failed);
    for (int i = 1; !port && !wanted.listen_port && i < attempts; ++i) port = bind_missing(wanted, 0, fresh, failed);
    return port;
}

// Opens what is wanted and not there. Port 0: the first one finds a free one for all.
Result<std::uint16_t> Listener::bind_missing(const Settings& wanted, std::uint16_t port, Doors& fresh,
                                             std::string& failed) {
    for (const auto& text : wanted.listen) {
        const Endpoint at{*IpAddress::parse(text), port};
        if (std::any_of(doors_.begin(), doors_.end(), [&](const auto& door) { return door->at == at; })) continue;
        auto bound = core_.rt.net.listen(at);
        if (!bound) {
            // A machine without IPv6 listens on IPv4 alone.
            const bool optional =
                at.host.is_unspecified() && !at.host.is_v4() && bound.error().code != Errc::address_in_use;
            if (optional && wanted.listen.size() > 1) continue;
            failed = at.to_string();
            fresh.clear();
            return bound.error();
        }
        if (port == 0) port = (*bound)->local().port;
        fresh.push_back(std::make_unique<Door>(*this, Endpoint{at.host, port}, std::move(*bound)));
    }
    return port;
}

// What is in use may be ours: all addresses and one of them exclude each other. So the old ones end first, and come
// back if that was not it.
Result<std::uint16_t> Listener::bind_in_place(const Settings& wanted, std::uint16_t port, Doors& fresh,
                                              std::string& failed) {
    std::vector<Endpoint> before;
    for (const auto& door : doors_) before.push_back(door->at);
    retire_doors(wanted, port);
    auto bound = bind_missing(wanted, port, fresh, failed);
    if (bound) return bound;
    for (const auto& at : before) {
        if (std::any_of(doors_.begin(), doors_.end(), [&](const auto& door) { return door->at == at; })) continue;
        if (auto again = core_.rt.net.listen(at))
            doors_.push_back(std::make_unique<Door>(*this, at, std::move(*again)));
    }
    for (const auto& door : doors_) door->accept_more();
    return bound;
}

// Those that are not among what is wanted.
void Listener::retire_doors(const Settings& wanted, std::uint16_t port) {
    const auto stays = [&](const Door& door) {
        return std::any_of(wanted.listen.begin(), wanted.listen.end(),
                           [&](const std::string& text) { return door.at == Endpoint{*IpAddress::parse(text), port}; });
    };
    for (auto& door : doors_) {
        if (stays(*door)) continue;
        door->close();
        closed_.push_back(std::move(door));
    }
    std::erase(doors_, nullptr);
}

void Listener::close() {
    Settings nowhere;
    nowhere.listen.clear();
    retire_doors(nowhere, 0);
    again_.cancel();
    core_.listen_port.reset();
    for (const PeerKey key : keeper_.keys()) turn_away(*core_.peer(key));
}

bool Listener::is_idle() const noexcept {
    return std::none_of(closed_.begin(), closed_.end(), [](const auto& d) { return d->accept.pending; }) &&
           doors_.empty();
}

// -- who comes in -----------------------------------------------------------------------------------------------------

void Listener::on_accepted(Door& door, Time now) {
    if (door.closed) {
        if (door.accept.stream) door.accept.stream->close(runtime::CloseMode::abort);
        door.accept.stream.reset();
        return;
    }
    if (door.accept.error == Errc::ok) {
        door.starved = false;
        door.guest = std::move(door.accept.stream);
        Time again = Time::never();
        if (offer(door.guest, again, now)) door.accept_more();
        return;
    }
    door.retry.set(now + accept_pause);
    if (std::exchange(door.starved, true)) return;
    Event event;
    event.address = door.at;
    event.text = describe(door.accept.error);
    core_.emit(EventKind::accept_failed, {}, std::move(event));
}

void Listener::end_round(Time now) {
    std::erase_if(closed_, [](const auto& door) { return !door->accept.pending; });
    Time soonest = Time::never();
    for (const auto& door : doors_) {
        Time again = Time::never();
        // Also where an offer broke off for want of memory: else nobody would come in here any more.
        if (!door->guest || offer(door->guest, again, now)) door->accept_more();
        soonest = std::min(soonest, again);
    }
    again_.set(soonest);
}

policy::DoorCaps Listener::caps() const noexcept {
    return {core_.places_at_door(), core_.settings.max_pending_per_host};
}

bool Listener::offer(std::unique_ptr<runtime::Stream>& stream, Time& again, Time now) {
    const IpAddress host = stream->remote().host;
    policy::Doorkeeper::Answer answer;
    const bool is_banned = core_.bans.is_banned(host, now) && !planted<Plant::banned_may_come>();
    if (!core_.closing && !is_banned && !core_.is_filtered(host)) answer = keeper_.judge(host, caps(), now);
    if (answer.verdict == Verdict::wait) {
        again = answer.again;
        return false;
    }
    if (answer.instead_of) lapse(*core_.peer(*answer.instead_of), now);
    if (answer.verdict == Verdict::come_in)
        let_in(std::move(stream), now);
    else
        stream->close(runtime::CloseMode::abort);
    stream.reset();
    return true;
}

void Listener::let_in(std::unique_ptr<runtime::Stream> stream, Time now) {
    Peer& peer = core_.adopt(std::make_unique<Peer>(core_, stream->remote(), true, policy::PeerSource::incoming));
    peer.owner = this;
    peer.state = PeerState::handshake;
    peer.link->attach(std::move(stream), peer.tag());
    Undo undo([&] { retire(peer, runtime::CloseMode::abort); });  // nobody would look after it
    if (!planted<Plant::door_is_open>()) peer.timer.set(now + to_duration(core_.settings.handshake_timeout));
    keeper_.on_let_in(peer.key, peer.address.host, now);
    undo.keep();
    ++core_.half_open;
    ++core_.at_door;
    peer.link->await_readable();
}

void Listener::configure(Time now) {
    while (const auto one = keeper_.excess(caps(), now)) turn_away(*core_.peer(*one));
}

void Listener::turn_away_host(const IpAddress& host) {
    for (const PeerKey key : keeper_.keys())
        if (Peer& peer = *core_.peer(key); peer.address.host == host) turn_away(peer);
}

void Listener::turn_away(Peer& peer) {
    keeper_.on_left(peer.key);
    end(peer);
}

void Listener::lapse(Peer& peer, Time now) {
    keeper_.on_lapsed(peer.key, now);
    end(peer);
}

void Listener::end(Peer& peer) {
    --core_.at_door;
    --core_.half_open;
    core_.place_freed();
    retire(peer, runtime::CloseMode::abort);
}

// -- who they are -----------------------------------------------------------------------------------------------------

void Listener::on_readable(Peer& peer, Time now) {
    std::array<MutableBytes, wire::max_spans> spans;
    const std::size_t n = peer.wire.prepare({}, core_.scratch, spans);
    const auto got = peer.link->stream()->read_now(std::span<const MutableBytes>(spans).first(n));
    if (!got) {
        if (got.error().code != Errc::would_block) return turn_away(peer);
        static_cast<void>(peer.wire.commit(0, now));
        return identify(peer, now);
    }
    peer.count(&Counters::wire_received, *got);
    if (!peer.wire.commit(*got, now)) return turn_away(peer);
    identify(peer, now);
}

void Listener::identify(Peer& peer, Time now) {
    while (const auto event = peer.wire.next_event()) {
        if (const auto* preamble = std::get_if<wire::HandshakePreamble>(&*event)) {
            if (registry_.serving(preamble->info_hash) == nullptr) return turn_away(peer);
        } else if (const auto* theirs = std::get_if<wire::Handshake>(&*event)) {
            Torrent* const torrent = registry_.serving(theirs->info_hash);
            if (torrent == nullptr) return turn_away(peer);
            keeper_.on_identified(peer.key);
            --core_.at_door;
            torrent->counters().wire_received += peer.traffic.counters.wire_received;
            torrent->swarm().admit(peer, now);
            return torrent->conversation().greet(peer, *theirs, now);
        }
    }
    if (peer.wire.failed()) return turn_away(peer);
    peer.link->await_readable();
}

void Listener::on_written(Peer& peer, Errc, std::uint64_t, std::uint64_t, Time) { core_.touch(peer); }
void Listener::on_peer_timer(Peer& peer, Time now) { lapse(peer, now); }
void Listener::on_flush(Peer&, Time) {}

}  // namespace jst::engine
