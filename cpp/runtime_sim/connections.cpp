// The birth of connections: listening, dialling, SYN, accept.
#include "runtime_sim/connections.hpp"

#include <algorithm>

#include "runtime_sim/stream.hpp"

namespace jst::runtime_sim {
namespace {

constexpr std::uint16_t first_ephemeral_port = 49152;

}  // namespace

Connections::AtNode& Connections::at_node(NodeId id) {
    while (at_nodes_.size() <= id.value) at_nodes_.emplace_back();
    return at_nodes_[id.value];
}

void Connections::send_packet(Time when, EventKind kind, ConnectionKey key, std::uint64_t value) {
    ++commons_.moving;
    commons_.timeline.schedule(when, *this, kind, key.packed(), value);
}

void Connections::on_event(const Event& event) {
    if (event.kind == line_free) {
        const NodeId id(static_cast<std::uint32_t>(event.key));
        at_node(id).line_armed = false;
        serve_line(id);
        return;
    }
    if (event.kind != syn_retry) --commons_.moving;
    const auto key = ConnectionKey::unpack(event.key);
    auto* c = connections_.find(key);
    if (c == nullptr) return;
    const auto side = static_cast<std::uint8_t>(event.value & 1);
    switch (static_cast<EventKind>(event.kind)) {
        case syn:
            return on_syn(key, *c);
        case syn_retry:
            return on_syn_retry(key, *c);
        case syn_ack:
            return on_syn_ack(key, *c);
        case refused:
            return fail_connect(key, *c, Errc::connection_refused);
        case arrived:
            return on_arrived(key, *c, side, event.value >> 2, (event.value & 2) != 0);
        case through:
            return deliver(key, *c, side, event.value >> 2, (event.value & 2) != 0);
        case credit:
            return on_credit(*c, {key, side}, event.value >> 1);
        case reset:
            return on_reset(key, *c, side, (event.value & 2) != 0,
                            (event.value & 4) != 0 ? Errc::end_of_stream : Errc::connection_reset);
        case line_free:
            return;
    }
}

// ---- listening ----

Result<ListenerKey> Connections::listen(NodeId id, const Endpoint& at) {
    Endpoint where = at;
    const auto& host = topology_.host(id);
    if (where.host.is_unspecified()) where.host = host;
    if (!node(id).up()) return fail(Errc::closed);
    if (where.host != host) return fail(Errc::address_not_available);
    if (!room_for_socket(id)) return fail(Errc::too_many_sockets);
    if (where.port == 0) where.port = free_port(host);
    if (listening_.contains(where)) return fail(Errc::address_in_use);
    const auto key = listeners_.emplace(ListenerState{id, where, nullptr, 0, {}, {}});
    listening_.emplace(where, key);
    ++at_node(id).sockets;
    return key;
}

Endpoint Connections::local(ListenerKey key) const {
    const auto* listener = listeners_.find(key);
    return listener == nullptr ? Endpoint{} : listener->at;
}

void Connections::accept(NodeId id, ListenerKey key, runtime::AcceptOp& op) {
    auto* listener = listeners_.find(key);
    JST_CHECK(listener == nullptr || (listener->accept == nullptr && !node(id).is_queued(listener->accept_done)),
              "one accept outstanding per listener");
    if (!node(id).submitted(op, OpKind::accept)) return;
    if (listener == nullptr) {
        node(id).finished(op, OpKind::accept, Errc::closed, 0, owner_of(key));
        return;
    }
    op.stream.reset();
    listener->accept = &op;
    try_accept(key);
}

void Connections::try_accept(ListenerKey key) {
    auto& listener = *listeners_.find(key);
    while (listener.accept != nullptr && !listener.waiting.empty()) {
        const auto next = listener.waiting.front();
        auto* c = connections_.find(next);
        const bool room = room_for_socket(listener.node);
        if (room) listener.waiting.pop_front();
        if (room && c == nullptr) continue;
        auto& op = *listener.accept;
        listener.accept = nullptr;
        if (room) op.stream = open_stream(next, *c, 1);
        if (room) node(listener.node).ledger().accepted();
        listener.accept_done =
            node(listener.node)
                .finished(op, OpKind::accept, room ? Errc::ok : Errc::too_many_sockets, 0, owner_of(key));
    }
}

void Connections::close(ListenerKey key) {
    auto* listener = listeners_.find(key);
    if (listener == nullptr) return;
    auto& at = node(listener->node);
    if (listener->accept != nullptr) at.finished(*listener->accept, OpKind::accept, Errc::canceled, 0, owner_of(key));
    listener->accept = nullptr;
    at.cancel_waiting(owner_of(key));
    for (const auto waiting : listener->waiting) {
        auto* c = connections_.find(waiting);
        if (c == nullptr) continue;
        send_reset(waiting, *c, 1);
        drop_side(waiting, *c, 1);
    }
    --at_node(listener->node).sockets;
    listening_.erase(listener->at);
    listeners_.erase(key);
}

void Connections::drop(ListenerKey key) {
    auto* listener = listeners_.find(key);
    if (listener == nullptr) return;
    node(listener->node).forget(owner_of(key));
    listener->accept = nullptr;
    for (const auto waiting : listener->waiting)
        if (auto* c = connections_.find(waiting)) drop_side(waiting, *c, 1);
    --at_node(listener->node).sockets;
    listening_.erase(listener->at);
    listeners_.erase(key);
}

// ---- dialling ----

std::uint16_t Connections::free_port(const IpAddress& host) {
    auto& next = next_port_.try_emplace(host, first_ephemeral_port).first->second;
    while (listening_.contains({host, next}))
        next = static_cast<std::uint16_t>(next == 65535 ? first_ephemeral_port : next + 1);
    const auto port = next;
    next = static_cast<std::uint16_t>(next == 65535 ? first_ephemeral_port : next + 1);
    return port;
}

const NodeId* Connections::route(const Endpoint& to) const {
    if (const auto found = listening_.find(to); found != listening_.end()) return &listeners_.find(found->second)->node;
    const auto& nodes = topology_.nodes_at(to.host);
    return nodes.empty() ? nullptr : &nodes.front();
}

bool Connections::room_for_socket(NodeId id) {
    const auto& at = at_node(id);
    return at.most_sockets == 0 || at.sockets < at.most_sockets;
}

void Connections::connect(NodeId id, runtime::ConnectOp& op, const Endpoint& to, const Endpoint& from) {
    auto& at = node(id);
    if (!at.submitted(op, OpKind::connect)) return;
    op.stream.reset();
    const auto& host = topology_.host(id);
    const bool mine = from.host.is_unspecified() || from.host == host;
    if (!mine || !room_for_socket(id)) {
        at.finished(op, OpKind::connect, mine ? Errc::too_many_sockets : Errc::address_not_available);
        return;
    }
    const auto key = connections_.emplace();
    auto& c = *connections_.find(key);
    c.to = to;
    c.connect = &op;
    c.sides[0].node = id;
    c.sides[0].state = SideState::connecting;
    c.sides[0].incarnation = at.incarnation();
    c.sides[0].local = {host, from.port != 0 ? from.port : free_port(host)};
    c.dial = at.ledger().dialled(op.tag.torrent, to, at.mono_now(), at.in_command());
    op.extra = key.packed();
    ++at_node(id).sockets;
    send_syn(key, c);
}

void Connections::cancel(NodeId id, runtime::ConnectOp& op) {
    if (!op.pending) return;
    const auto key = ConnectionKey::unpack(op.extra);
    auto* c = connections_.find(key);
    if (c != nullptr && c->connect == &op) return fail_connect(key, *c, Errc::canceled);
    if (op.stream) op.stream->close(runtime::CloseMode::abort);
    op.stream.reset();
    node(id).cancel_waiting(StreamEnd{key, 0}.owner());
}

void Connections::send_syn(ConnectionKey key, Connection& c) {
    const Time now = commons_.timeline.now();
    if (const auto* target = route(c.to))
        send_packet(now + topology_.latency(topology_.link(c.sides[0].node, *target)), syn, key, 0);
    commons_.timeline.schedule(now + seconds(std::int64_t{1} << c.tries), *this, syn_retry, key.packed());
    ++c.tries;
}

void Connections::on_syn_retry(ConnectionKey key, Connection& c) {
    if (c.connect == nullptr) return;
    if (c.tries >= max_syn_tries) return fail_connect(key, c, Errc::connect_timeout);
    send_syn(key, c);
}

void Connections::on_syn(ConnectionKey key, Connection& c) {
    const auto* target = route(c.to);
    if (target == nullptr || c.connect == nullptr || !node(*target).up()) return;
    const NodeId from = c.sides[0].node;
    auto& link = topology_.link(from, *target);
    auto& back = topology_.link(*target, from);
    if (link.streams_cut || link.held) return;
    const Time returns = commons_.timeline.now() + topology_.latency(back);
    const auto found = listening_.find(c.to);
    auto& side = c.sides[1];
    if (found == listening_.end()) {
        if (!back.streams_cut && !back.held) send_packet(returns, refused, key, 0);
        return;
    }
    if (side.state == SideState::unborn) {
        auto& listener = *listeners_.find(found->second);
        if (!has_room(listener)) return;
        listener.half_open.push_back(key);
        side.node = *target;
        side.state = SideState::syn_received;
        side.incarnation = node(*target).incarnation();
        side.local = c.to;
        c.links[0] = &link;
        c.links[1] = &back;
    }
    send_packet(returns, syn_ack, key, 0);
}

bool Connections::has_room(ListenerState& listener) {
    std::erase_if(listener.half_open, [&](ConnectionKey key) {
        const auto* c = connections_.find(key);
        return c == nullptr || c->sides[1].state != SideState::syn_received;
    });
    return listener.waiting.size() + listener.half_open.size() < max_backlog;
}

void Connections::on_syn_ack(ConnectionKey key, Connection& c) {
    if (c.connect == nullptr || c.links[1]->streams_cut || c.links[1]->held) return;
    auto& op = *c.connect;
    c.connect = nullptr;
    --at_node(c.sides[0].node).sockets;
    op.stream = open_stream(key, c, 0);
    auto& dialler = node(c.sides[0].node);
    dialler.ledger().connected(c.dial, dialler.mono_now());
    dialler.finished(op, OpKind::connect, Errc::ok, 0, StreamEnd{key, 0}.owner());
    send_segment(key, c, 0, 0, commons_.timeline.now());
}

void Connections::fail_connect(ConnectionKey key, Connection& c, Errc error) {
    if (c.connect == nullptr) return;
    auto& op = *c.connect;
    c.connect = nullptr;
    --at_node(c.sides[0].node).sockets;
    auto& dialler = node(c.sides[0].node);
    dialler.ledger().ended(c.dial, dialler.mono_now());
    dialler.finished(op, OpKind::connect, error, 0, StreamEnd{key, 0}.owner());
    connections_.erase(key);
}

// The last packet of the handshake, or what followed it, has arrived.
void Connections::established(ConnectionKey key, Connection& c) {
    const auto found = listening_.find(c.to);
    if (found == listening_.end()) {
        send_reset(key, c, 1);
        drop_side(key, c, 1);
        return;
    }
    c.sides[1].state = SideState::waiting_accept;
    listeners_.find(found->second)->waiting.push_back(key);
    try_accept(found->second);
}

std::unique_ptr<runtime::Stream> Connections::open_stream(ConnectionKey key, Connection& c, std::uint8_t number) {
    auto& side = c.sides[number];
    side.state = SideState::open;
    side.held = true;
    ++at_node(side.node).sockets;
    return std::make_unique<SimStream>(*this, side.node, StreamEnd{key, number}, side.local, c.sides[1 - number].local);
}

}  // namespace jst::runtime_sim
