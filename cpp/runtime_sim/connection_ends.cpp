// The end of connections: cancel, shutdown, close, reset, silence.
#include <algorithm>

#include "runtime_sim/connections.hpp"

namespace jst::runtime_sim {

void Connections::cancel_outstanding(Connection& c, StreamEnd end) {
    auto& side = c.sides[end.side];
    auto& at = node(side.node);
    at.cancel_waiting(end.owner());
    if (side.readable != nullptr) at.finished(*side.readable, OpKind::readable, Errc::canceled, 0, end.owner());
    if (side.write != nullptr) at.finished(*side.write, OpKind::write, Errc::canceled, 0, end.owner());
    side.readable = nullptr;
    side.write = nullptr;
}

void Connections::cancel(StreamEnd end) {
    auto* c = connections_.find(end.key);
    if (c != nullptr && c->sides[end.side].state == SideState::open) cancel_outstanding(*c, end);
}

void Connections::shutdown_send(StreamEnd end) {
    auto* c = connections_.find(end.key);
    if (c == nullptr || c->sides[end.side].state != SideState::open) return;
    c->flows[end.side].fin_written = true;
    pump(end.key, *c, end.side);
}

void Connections::release(Connection& c, std::uint8_t number) {
    if (!c.sides[number].held) return;
    c.sides[number].held = false;
    if (number == 0) node(c.sides[0].node).ledger().ended(c.dial, node(c.sides[0].node).mono_now());
    --at_node(c.sides[number].node).sockets;
}

void Connections::close(StreamEnd end, runtime::CloseMode mode) {
    auto* c = connections_.find(end.key);
    if (c == nullptr || c->sides[end.side].state != SideState::open) return;
    cancel_outstanding(*c, end);
    c->sides[end.side].state = SideState::closed;
    release(*c, end.side);
    const auto& incoming = c->flows[1 - end.side];
    const bool failed = c->sides[end.side].failure != Errc::ok;
    if (mode == runtime::CloseMode::abort || failed) {
        c->flows[end.side].dead = true;
        if (!failed) send_reset(end.key, *c, end.side);
    } else {
        c->flows[end.side].fin_written = true;
        pump(end.key, *c, end.side);
        // Unread bytes: the other side must not believe that they were taken.
        if (incoming.delivered > incoming.read) send_reset(end.key, *c, end.side);
    }
    erase_if_over(end.key, *c);
}

void Connections::drop(StreamEnd end, bool silent) {
    auto* c = connections_.find(end.key);
    if (c == nullptr || c->sides[end.side].state != SideState::open) return;
    node(c->sides[end.side].node).forget(end.owner());
    c->flows[end.side].dead = true;
    if (!silent) send_reset(end.key, *c, end.side);
    drop_side(end.key, *c, end.side);
}

// Silence: what was written is lost, what comes is not heard.
void Connections::drop_side(ConnectionKey key, Connection& c, std::uint8_t number) {
    auto& side = c.sides[number];
    if (side.readable != nullptr) node(side.node).dropped(OpKind::readable);
    if (side.write != nullptr) node(side.node).dropped(OpKind::write);
    side.readable = nullptr;
    side.write = nullptr;
    side.state = SideState::dropped;
    release(c, number);
    c.flows[number].dead = true;
    erase_if_over(key, c);
}

void Connections::drop_node(NodeId id, bool closed) {
    listeners_.each([&](ListenerKey key, ListenerState& listener) {
        if (listener.node == id) drop(key);
    });
    connections_.each([&](ConnectionKey key, Connection& c) {
        if (c.connect != nullptr && c.sides[0].node == id) {
            c.connect = nullptr;
            --at_node(id).sockets;
            connections_.erase(key);
            return;
        }
        for (std::uint8_t number = 0; number < 2; ++number) {
            auto* alive = connections_.find(key);
            if (alive == nullptr || alive->sides[number].node != id) continue;
            auto& side = alive->sides[number];
            side.readable = nullptr;  // the node has forgotten its operations: they are not touched
            side.write = nullptr;
            if (closed && side.state == SideState::open) {
                close({key, number}, runtime::CloseMode::graceful);
            } else if (side.state != SideState::unborn && side.state != SideState::closed) {
                drop_side(key, *alive, number);
            }
        }
    });
}

void Connections::node_is_back(NodeId id) {
    connections_.each([&](ConnectionKey key, Connection& c) {
        for (std::uint8_t number = 0; number < 2; ++number) {
            const auto& side = c.sides[number];
            if (side.node != id || side.state != SideState::dropped || !c.flows[1 - number].unanswered) continue;
            send_packet(commons_.timeline.now() + retransmission_delay + topology_.latency(*c.links[number]), reset,
                        key, number | 2u);
        }
    });
}

// Of a side that aborts nothing more is delivered; any other RST stays behind what was sent before it.
void Connections::send_reset(ConnectionKey key, Connection& c, std::uint8_t from) {
    auto& flow = c.flows[from];
    if (c.links[from] == nullptr || c.silent) return;
    flow.reset_owed = !flow.dead && flow.fin_written && !flow.fin_sent;
    if (flow.reset_owed) return;
    const Time arrives = commons_.timeline.now() + topology_.latency(*c.links[from]);
    send_packet(flow.dead ? arrives : std::max(arrives, flow.last_arrival), reset, key, from | (flow.dead ? 2u : 0u));
}

void Connections::on_reset(ConnectionKey key, Connection& c, std::uint8_t from, bool overtakes, Errc failure) {
    if (c.silent) return;
    const auto& link = *c.links[from];
    auto& flow = c.flows[from];
    if (link.held) flow.parked_reset = true;
    if (link.held || link.streams_cut) return;
    const Time line_free_at = topology_.access(link.to).down.free_at;
    if (!overtakes && !flow.finished() && line_free_at > commons_.timeline.now()) {
        send_packet(line_free_at, reset, key, from);
        return;
    }
    fail_side(c, {key, static_cast<std::uint8_t>(1 - from)}, failure);
    erase_if_over(key, c);
}

// What was delivered can be read, then comes the failure; nothing else moves any more.
void Connections::fail_side(Connection& c, StreamEnd end, Errc failure) {
    auto& side = c.sides[end.side];
    if (side.failure == Errc::ok) side.failure = failure;
    c.flows[0].dead = c.flows[1].dead = true;
    wake_reader(c, end);
    if (side.write != nullptr)
        node(side.node).finished(*side.write, OpKind::write, Errc::connection_reset, 0, end.owner());
    side.write = nullptr;
}

// When neither side hears any more, what is on the way concerns nobody.
void Connections::erase_if_over(ConnectionKey key, Connection& c) {
    for (const auto& side : c.sides)
        if (side.state != SideState::closed && side.state != SideState::dropped) return;
    for (auto& flow : c.flows) flow.bytes.clear(pool_);
    connections_.erase(key);
}

}  // namespace jst::runtime_sim
