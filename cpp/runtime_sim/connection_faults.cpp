// What breaks inside of connections: bytes that change on the way, streams that end in the middle.
#include "runtime_sim/connections.hpp"

namespace jst::runtime_sim {

// Only the bytes that are being delivered: what is behind them has luck of its own when it comes.
void Connections::corrupt(Link& link, Flow& flow, std::uint64_t bytes) {
    const std::uint64_t first = flow.delivered - flow.read;
    for (std::uint64_t i = 0; i < bytes; ++i) {
        if (link.noise.next() > link.corrupt) continue;
        auto& byte = flow.bytes.at(static_cast<std::size_t>(first + i));
        byte = static_cast<Byte>(byte ^ (1 + link.noise.below(255)));
    }
}

void Connections::cut_after(NodeId from, NodeId to, std::uint64_t bytes, CutHow how) {
    auto& link = topology_.link(from, to);
    link.cut.reset();
    if (bytes == 0) return cut(to, from, how);
    link.cut = Cut{bytes, how};
}

void Connections::cut(NodeId hears_first, NodeId other, CutHow how) {
    connections_.each([&](ConnectionKey key, Connection& c) {
        if (c.links[0] == nullptr || c.connect != nullptr) return;  // not there yet: it will be a new one
        for (std::uint8_t near = 0; near < 2; ++near)
            if (c.sides[near].node == hears_first && c.sides[1 - near].node == other) return sever(key, c, near, how);
    });
}

bool Connections::has_black_hole(NodeId a, NodeId b) {
    bool found = false;
    connections_.each([&](ConnectionKey, Connection& c) {
        const NodeId one = c.sides[0].node, other = c.sides[1].node;
        found = found || (c.silent && ((one == a && other == b) || (one == b && other == a)));
    });
    return found;
}

void Connections::sever(ConnectionKey key, Connection& c, std::uint8_t near, CutHow how) {
    c.flows[0].dead = c.flows[1].dead = true;
    if (how == CutHow::blackhole) {
        c.silent = true;
        return;
    }
    const bool fin = how == CutHow::fin;
    send_packet(commons_.timeline.now() + topology_.latency(*c.links[near]), reset, key, near | (fin ? 6u : 2u));
    fail_side(c, {key, near}, fin ? Errc::end_of_stream : Errc::connection_reset);
    erase_if_over(key, c);
}

}  // namespace jst::runtime_sim
