// The bytes of connections: writing, segments, lines, delivery, reading and the credit that comes back.
#include <algorithm>
#include <utility>

#include "runtime_sim/connections.hpp"

namespace jst::runtime_sim {
namespace {

// Credit and room for a writer move in steps of this part of the window, so that small messages cost no extra events.
constexpr std::uint64_t window_steps = 16;

std::uint64_t step_of(const Link& link) noexcept { return std::max<std::uint64_t>(link.window / window_steps, 1); }

std::uint64_t size_of(std::span<const Bytes> spans) noexcept {
    std::uint64_t total = 0;
    for (const auto& span : spans) total += span.size();
    return total;
}

}  // namespace

// ---- reading ----

bool Connections::has_news(const Connection& c, std::uint8_t side) const noexcept {
    const auto& flow = c.flows[1 - side];
    return flow.delivered > flow.read || (flow.fin_arrived && flow.delivered == flow.written) ||
           c.sides[side].failure != Errc::ok;
}

void Connections::readable(NodeId id, StreamEnd end, runtime::ReadableOp& op) {
    auto* c = connections_.find(end.key);
    JST_CHECK(c == nullptr ||
                  (c->sides[end.side].readable == nullptr && !node(id).is_queued(c->sides[end.side].readable_done)),
              "one readable outstanding per stream");
    if (!node(id).submitted(op, OpKind::readable)) return;
    if (c == nullptr || c->sides[end.side].state != SideState::open) {
        node(id).finished(op, OpKind::readable, Errc::closed, 0, end.owner());
        return;
    }
    c->sides[end.side].readable = &op;
    wake_reader(*c, end);
}

void Connections::wake_reader(Connection& c, StreamEnd end) {
    auto& side = c.sides[end.side];
    if (side.readable == nullptr || !has_news(c, end.side)) return;
    const auto& flow = c.flows[1 - end.side];
    side.readable_done =
        node(side.node).finished(*side.readable, OpKind::readable, Errc::ok, flow.delivered - flow.read, end.owner());
    side.readable = nullptr;
}

Result<std::size_t> Connections::read_now(StreamEnd end, std::span<const MutableBytes> into) {
    auto* c = connections_.find(end.key);
    if (c == nullptr || c->sides[end.side].state != SideState::open) return fail(Errc::closed);
    auto& side = c->sides[end.side];
    JST_CHECK(node(side.node).turn_owner() == end.owner(), "read_now belongs to the turn of a readable");
    JST_CHECK(into.size() <= runtime::max_spans, "at most 64 spans are read at once");
    auto& flow = c->flows[1 - end.side];
    const std::uint64_t ready = flow.delivered - flow.read;
    if (ready == 0) {
        if (flow.fin_arrived && flow.delivered == flow.written) return fail(Errc::end_of_stream);
        return fail(side.failure != Errc::ok ? side.failure : Errc::would_block);
    }
    const std::size_t got = flow.bytes.pop(pool_, into, ready);
    flow.read += got;
    node(side.node).ledger().received(got, node(c->sides[1 - end.side].node).is_service());
    return_credit(*c, end);
    return got;
}

void Connections::return_credit(Connection& c, StreamEnd reader) {
    auto& flow = c.flows[1 - reader.side];
    if (flow.dead || flow.read - flow.credit_sent < step_of(*c.links[1 - reader.side])) return;
    flow.credit_sent = flow.read;
    auto& way = *c.links[reader.side];
    send_packet(commons_.timeline.now() + topology_.latency(way), credit, reader.key,
                flow.read << 1 | (1u - reader.side));
}

void Connections::on_credit(Connection& c, StreamEnd writer, std::uint64_t read) {
    auto& flow = c.flows[writer.side];
    const auto& way = *c.links[1 - writer.side];
    if (way.streams_cut || way.held) {
        flow.parked_credit = true;
        return;
    }
    flow.credited = std::max(flow.credited, read);
    try_write(c, writer);
}

// ---- writing ----

void Connections::write_some(NodeId id, StreamEnd end, runtime::WriteOp& op, std::span<const Bytes> from) {
    JST_CHECK(from.size() <= runtime::max_spans && size_of(from) != 0,
              "1 to 64 spans with at least one byte are written");
    auto* c = connections_.find(end.key);
    JST_CHECK(
        c == nullptr || (c->sides[end.side].write == nullptr && !node(id).is_queued(c->sides[end.side].write_done)),
        "one write outstanding per stream");
    if (!node(id).submitted(op, OpKind::write)) return;
    op.written = 0;
    Errc error = Errc::closed;
    if (c != nullptr && c->sides[end.side].state == SideState::open)
        error = c->flows[end.side].fin_written ? Errc::broken_pipe : c->sides[end.side].failure;
    if (error == Errc::end_of_stream) error = Errc::connection_reset;
    if (error != Errc::ok) {
        node(id).finished(op, OpKind::write, error, 0, end.owner());
        return;
    }
    c->sides[end.side].write = &op;
    c->sides[end.side].unwritten = from;
    try_write(*c, end);
}

void Connections::try_write(Connection& c, StreamEnd end) {
    auto& side = c.sides[end.side];
    if (side.write == nullptr) return;
    auto& flow = c.flows[end.side];
    const auto& link = *c.links[end.side];
    const std::uint64_t under_way = flow.written - flow.credited;
    const std::uint64_t room = link.window > under_way ? link.window - under_way : 0;
    if (room < std::min(step_of(link), size_of(side.unwritten))) return;
    const std::size_t taken = flow.bytes.push(pool_, side.unwritten, room);
    flow.written += taken;
    side.write->written = taken;
    side.write_done = node(side.node).finished(*side.write, OpKind::write, Errc::ok, taken, end.owner(),
                                               node(c.sides[1 - end.side].node).is_service());
    side.write = nullptr;
    pump(end.key, c, end.side);
}

// ---- the way ----

std::uint64_t Connections::next_segment(Connection& c, std::uint8_t side) {
    auto& link = *c.links[side];
    const auto& flow = c.flows[side];
    const std::uint64_t most =
        link.fragments.empty() ? link.quantum : link.fragments[link.luck.below(link.fragments.size())];
    const std::uint64_t bytes = std::min(flow.written - flow.sent, most);
    if (link.split_in == 0) return bytes;
    const std::uint64_t before_split = std::min(bytes, link.split_in);
    link.split_in -= before_split;
    return before_split;
}

void Connections::pump(ConnectionKey key, Connection& c, std::uint8_t side) {
    auto& flow = c.flows[side];
    if (!flow.has_unsent() || flow.in_line) return;
    const NodeId id = c.sides[side].node;
    if (topology_.access(id).up.rate == 0) {
        while (flow.has_unsent()) send_segment(key, c, side, next_segment(c, side), commons_.timeline.now());
        return;
    }
    flow.in_line = true;
    at_node(id).line.push_back({key, side});
    serve_line(id);
}

// The access line serves the streams that wait for it in turn, one segment each.
void Connections::serve_line(NodeId id) {
    auto& line = at_node(id);
    auto& up = topology_.access(id).up;
    const Time now = commons_.timeline.now();
    while (!line.line.empty() && up.free_at <= now) {
        const StreamEnd next = line.line.front();
        line.line.pop_front();
        auto* c = connections_.find(next.key);
        if (c == nullptr) continue;
        auto& flow = c->flows[next.side];
        flow.in_line = false;
        if (!flow.has_unsent()) continue;
        const std::uint64_t bytes = next_segment(*c, next.side);
        send_segment(next.key, *c, next.side, bytes, up.reserve(now, bytes));
        if (!flow.has_unsent()) continue;
        flow.in_line = true;
        line.line.push_back(next);
    }
    if (line.line.empty() || line.line_armed) return;
    line.line_armed = true;
    commons_.timeline.schedule(up.free_at, *this, line_free, id.value);
}

void Connections::send_segment(ConnectionKey key, Connection& c, std::uint8_t side, std::uint64_t bytes, Time leaves) {
    auto& flow = c.flows[side];
    auto& link = *c.links[side];
    flow.sent += bytes;
    const bool fin = flow.fin_written && !flow.fin_sent && flow.sent == flow.written;
    const Time arrives = link.line.reserve(leaves, bytes) + topology_.latency(link);
    // Fragments of one instant would be read as one run: they come a nanosecond apart.
    const Time earliest = flow.last_arrival + nanoseconds(link.fragments.empty() && !link.was_split ? 0 : 1);
    flow.last_arrival = std::max(arrives, earliest);
    send_packet(flow.last_arrival, arrived, key, bytes << 2 | (fin ? 2u : 0u) | side);
    if (!fin) return;
    flow.fin_sent = true;
    if (flow.reset_owed) send_reset(key, c, side);
}

void Connections::on_arrived(ConnectionKey key, Connection& c, std::uint8_t from, std::uint64_t bytes, bool fin) {
    auto& flow = c.flows[from];
    const auto& link = *c.links[from];
    if (link.streams_cut || link.held) {
        flow.parked = true;
        flow.parked_bytes += bytes;
        flow.parked_fin = flow.parked_fin || fin;
        return;
    }
    const Time now = commons_.timeline.now();
    const Time is_through = topology_.access(link.to).down.reserve(now, bytes);
    if (is_through > now)
        send_packet(is_through, through, key, bytes << 2 | (fin ? 2u : 0u) | from);
    else
        deliver(key, c, from, bytes, fin);
}

void Connections::deliver(ConnectionKey key, Connection& c, std::uint8_t from, std::uint64_t bytes, bool fin) {
    auto& flow = c.flows[from];
    if (flow.dead) return;
    auto& link = *c.links[from];
    if (link.corrupt != 0) corrupt(link, flow, bytes);
    if (link.cut && bytes >= link.cut->left) {
        const Cut now = *std::exchange(link.cut, std::nullopt);
        hand_over(key, c, from, now.left, false);
        if (auto* still = connections_.find(key)) sever(key, *still, static_cast<std::uint8_t>(1 - from), now.how);
        return;
    }
    if (link.cut) link.cut->left -= bytes;
    hand_over(key, c, from, bytes, fin);
}

void Connections::hand_over(ConnectionKey key, Connection& c, std::uint8_t from, std::uint64_t bytes, bool fin) {
    auto& flow = c.flows[from];
    const auto side = static_cast<std::uint8_t>(1 - from);
    auto& receiver = c.sides[side];
    flow.delivered += bytes;
    if (receiver.state == SideState::open) node(receiver.node).ledger().arrived();
    flow.fin_arrived = flow.fin_arrived || fin;
    switch (receiver.state) {
        case SideState::syn_received:
            established(key, c);
            break;
        case SideState::open:
            wake_reader(c, {key, side});
            break;
        case SideState::closed:  // once more for every segment: an earlier RST may have been lost
            if (bytes != 0 && c.sides[from].failure == Errc::ok) send_reset(key, c, side);
            break;
        case SideState::dropped:  // a machine that came back knows nothing of this
            flow.unanswered = true;
            if (node(receiver.node).up() && node(receiver.node).incarnation() != receiver.incarnation)
                send_reset(key, c, side);
            break;
        case SideState::unborn:
        case SideState::connecting:
        case SideState::waiting_accept:
            break;
    }
}

// ---- cut and held paths ----

void Connections::resume() {
    connections_.each([&](ConnectionKey key, Connection& c) {
        for (std::uint8_t from = 0; from < 2; ++from)
            if (c.links[0] != nullptr) resume(key, c, from);
    });
}

void Connections::resume(ConnectionKey key, Connection& c, std::uint8_t from) {
    auto& flow = c.flows[from];
    auto& link = *c.links[from];
    if (link.streams_cut || link.held) return;
    const Time when = commons_.timeline.now() + retransmission_delay + topology_.latency(link);
    if (flow.parked) send_packet(when, arrived, key, flow.parked_bytes << 2 | (flow.parked_fin ? 2u : 0u) | from);
    if (flow.parked_reset) send_packet(when, reset, key, from);
    flow.last_arrival = std::max(flow.last_arrival, flow.parked ? when : Time{});
    flow.parked = flow.parked_fin = flow.parked_reset = false;
    flow.parked_bytes = 0;
    auto& other = c.flows[1 - from];  // its credit travels on this link
    if (other.parked_credit) send_packet(when, credit, key, other.credit_sent << 1 | (1u - from));
    other.parked_credit = false;
}

}  // namespace jst::runtime_sim
