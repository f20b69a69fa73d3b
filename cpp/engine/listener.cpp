#include "engine/listener.hpp"

#include <algorithm>

#include "engine/torrent.hpp"

namespace jst::engine {
namespace {

constexpr int port_attempts = 16;  // for one free port on all addresses

}  // namespace

/// One bound address.
struct Listener::Door {
    Door(Listener& owner, std::unique_ptr<runtime::Listener> bound)
        : listener(owner), socket(std::move(bound)), retry(owner.core_.timers, on_retry, this) {
        accept.owner = this;
        accept.on_done = [](runtime::Op& op, Time now) {
            auto& door = *static_cast<Door*>(op.owner);
            door.listener.on_accepted(door, now);
        };
    }
    static void on_retry(Timer& timer, Time) {
        auto& door = timer.owner<Door>();
        door.socket->accept(door.accept);
    }
    Listener& listener;
    std::unique_ptr<runtime::Listener> socket;
    runtime::AcceptOp accept;
    Timer retry;
    bool closed = false;
};

Listener::Listener(Core& core, Registry& registry) : core_(core), registry_(registry) {}
Listener::~Listener() = default;

Result<void> Listener::bind_all(std::uint16_t port, std::string& failed) {
    const bool chosen = port != 0;
    for (const auto& text : core_.settings.listen) {
        const Endpoint at{*IpAddress::parse(text), port};
        auto bound = core_.rt.net.listen(at);
        if (!bound) {
            // A machine without IPv6 listens on IPv4 alone.
            const bool optional = at.host.is_unspecified() && !at.host.is_v4() && bound.error().code != Errc::address_in_use;
            if (optional && core_.settings.listen.size() > 1) continue;
            failed = at.to_string();
            doors_.clear();
            return bound.error();
        }
        if (!chosen && port == 0) port = (*bound)->local().port;
        doors_.push_back(std::make_unique<Door>(*this, std::move(*bound)));
    }
    core_.listen_port = doors_.empty() ? std::nullopt : std::optional(port);
    return {};
}

Result<void> Listener::open(std::string& failed) {
    core_.listen_hosts.clear();
    for (const auto& text : core_.settings.listen) core_.listen_hosts.push_back(*IpAddress::parse(text));
    const auto wanted = core_.settings.listen_port;
    Result<void> result = bind_all(wanted.value_or(0), failed);
    for (int i = 1; !result && !wanted && i < port_attempts; ++i) result = bind_all(0, failed);
    if (!result) return result;
    for (const auto& door : doors_) door->socket->accept(door->accept);
    return {};
}

void Listener::close() {
    for (auto& door : doors_) {
        door->closed = true;
        door->retry.cancel();
        door->socket->close();
        closed_.push_back(std::move(door));
    }
    doors_.clear();
    core_.listen_port.reset();
    for (const PeerKey key : std::vector<PeerKey>(pending_))
        if (Peer* peer = core_.peer(key)) turn_away(*peer);
    std::erase_if(closed_, [](const auto& d) { return !d->accept.pending; });
}

bool Listener::is_idle() const noexcept {
    return std::none_of(closed_.begin(), closed_.end(), [](const auto& d) { return d->accept.pending; }) && doors_.empty();
}

void Listener::on_accepted(Door& door, Time now) {
    if (door.closed) {
        if (door.accept.stream) door.accept.stream->close(runtime::CloseMode::abort);
        door.accept.stream.reset();
        return;
    }
    if (door.accept.error != Errc::ok) return door.retry.set(now + accept_pause);
    welcome(std::move(door.accept.stream), now);
    door.socket->accept(door.accept);
}

void Listener::welcome(std::unique_ptr<runtime::Stream> stream, Time now) {
    const Endpoint remote = stream->remote();
    const auto& s = core_.settings;
    std::uint64_t same_host = 0;
    for (const PeerKey key : pending_)
        if (const Peer* p = core_.peer(key)) same_host += p->address.host == remote.host ? 1 : 0;
    const bool fits = below(s.max_pending_incoming, pending_.size()) && below(s.max_pending_per_host, same_host) &&
                      below(s.max_half_open, core_.half_open);
    if (core_.closing || !fits || core_.bans.is_banned(remote.host, now) || core_.is_filtered(remote.host)) {
        stream->close(runtime::CloseMode::abort);
        return;
    }
    Peer& peer = core_.adopt(std::make_unique<Peer>(core_, remote, true, policy::PeerSource::incoming));
    peer.owner = this;
    peer.state = PeerState::handshake;
    pending_.push_back(peer.key);
    ++core_.half_open;
    peer.link->attach(std::move(stream), peer.tag());
    peer.timer.set(now + to_duration(s.handshake_timeout));
    peer.link->await_readable();
}

void Listener::turn_away(Peer& peer) {
    std::erase(pending_, peer.key);
    --core_.half_open;
    retire(peer, runtime::CloseMode::abort);
}

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
            std::erase(pending_, peer.key);
            torrent->counters().wire_received += peer.traffic.counters.wire_received;
            torrent->swarm().admit(peer, now);
            return torrent->conversation().greet(peer, *theirs, now);
        }
    }
    if (peer.wire.failed()) return turn_away(peer);
    peer.link->await_readable();
}

void Listener::on_written(Peer& peer, Errc, std::uint64_t, std::uint64_t, Time) { core_.touch(peer); }
void Listener::on_peer_timer(Peer& peer, Time) { turn_away(peer); }
void Listener::on_flush(Peer&, Time) {}

}  // namespace jst::engine
