#include "runtime_sim/datagrams.hpp"

#include <algorithm>

namespace jst::runtime_sim {
namespace {

constexpr std::uint64_t parts_per_million = 1'000'000;
constexpr std::uint64_t header_bytes = 28;  // IPv4 and UDP
constexpr std::uint16_t first_ephemeral_port = 49152;

}  // namespace

Result<DatagramKey> Datagrams::open(NodeId id, const Endpoint& at) {
    const auto& host = topology_.host(id);
    Endpoint where{at.host.is_unspecified() ? host : at.host, at.port};
    if (!node(id).up()) return fail(Errc::closed);
    if (where.host != host) return fail(Errc::address_not_available);
    if (where.port == 0) {
        auto& next = next_port_.try_emplace(host, first_ephemeral_port).first->second;
        while (bound_.contains({host, next}))
            next = static_cast<std::uint16_t>(next == 65535 ? first_ephemeral_port : next + 1);
        where.port = next;
    }
    if (bound_.contains(where)) return fail(Errc::address_in_use);
    const auto key = sockets_.emplace(Socket{id, where, nullptr, 0, {}});
    bound_.emplace(where, key);
    return key;
}

Endpoint Datagrams::local(DatagramKey key) const {
    const auto* socket = sockets_.find(key);
    return socket == nullptr ? Endpoint{} : socket->at;
}

void Datagrams::readable(NodeId id, DatagramKey key, runtime::ReadableOp& op) {
    auto* socket = sockets_.find(key);
    JST_CHECK(socket == nullptr || (socket->readable == nullptr && !node(id).is_queued(socket->readable_done)),
              "one readable outstanding per socket");
    if (!node(id).submitted(op, OpKind::datagram_readable)) return;
    if (socket == nullptr) {
        node(id).finished(op, OpKind::datagram_readable, Errc::closed, 0, owner_of(key));
        return;
    }
    socket->readable = &op;
    wake(key, *socket);
}

void Datagrams::wake(DatagramKey key, Socket& socket) {
    if (socket.readable == nullptr || socket.queue.empty()) return;
    socket.readable_done =
        node(socket.node)
            .finished(*socket.readable, OpKind::datagram_readable, Errc::ok, socket.queue.size(), owner_of(key));
    socket.readable = nullptr;
}

Result<std::size_t> Datagrams::receive_now(DatagramKey key, std::span<runtime::Datagram> into) {
    auto* socket = sockets_.find(key);
    if (socket == nullptr) return fail(Errc::closed);
    if (socket->queue.empty()) return fail(Errc::would_block);
    std::size_t count = 0;
    for (auto& room : into) {
        if (socket->queue.empty()) break;
        const auto& packet = socket->queue.front();
        room.peer = packet.from;
        room.error = packet.error;
        room.data = room.data.first(std::min(room.data.size(), packet.data.size()));
        std::copy_n(packet.data.begin(), room.data.size(), room.data.begin());
        socket->queue.pop_front();
        ++count;
    }
    return count;
}

std::size_t Datagrams::send_now(DatagramKey key, std::span<const runtime::Datagram> batch) {
    const auto* socket = sockets_.find(key);
    if (socket == nullptr || !node(socket->node).up()) return 0;
    for (const auto& datagram : batch)
        if (datagram.data.size() <= max_datagram) send(*socket, datagram);
    return batch.size();
}

void Datagrams::send(const Socket& socket, const runtime::Datagram& datagram) {
    const auto& there = topology_.nodes_at(datagram.peer.host);
    if (there.empty()) return;
    const auto bound = bound_.find(datagram.peer);
    auto& link =
        topology_.link(socket.node, bound == bound_.end() ? there.front() : sockets_.find(bound->second)->node);
    auto& luck = link.luck;
    const auto& settings = link.settings;
    const std::uint64_t bytes = datagram.data.size() + header_bytes;
    const Time leaves = topology_.access(socket.node).up.reserve(commons_.timeline.now(), bytes);
    const Time sent = link.line.reserve(leaves, bytes);
    if (settings.loss_ppm != 0 && luck.chance(settings.loss_ppm, parts_per_million)) return;
    const bool twice = settings.duplicate_ppm != 0 && luck.chance(settings.duplicate_ppm, parts_per_million);
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
        Duration on_way = topology_.latency(link);
        // Overtaken: it takes up to twice as long as the others.
        if (settings.reorder_ppm != 0 && luck.chance(settings.reorder_ppm, parts_per_million))
            on_way =
                on_way + nanoseconds(static_cast<std::int64_t>(luck.below(static_cast<std::uint64_t>(on_way.ns) + 1)));
        post(sent + on_way, {socket.at, datagram.peer, &link, to_vector(datagram.data), Errc::ok});
    }
}

void Datagrams::post(Time when, Packet packet) {
    ++commons_.moving;
    const auto key = packets_.emplace(std::move(packet));
    commons_.timeline.schedule(when, *this, arrived, key.packed());
}

void Datagrams::on_event(const Event& event) {
    --commons_.moving;
    const auto key = PacketKey::unpack(event.key);
    auto* packet = packets_.find(key);
    if (packet == nullptr) return;
    const auto& link = *packet->link;
    if (event.kind == arrived) {
        if (link.datagrams_cut || link.held) {
            packets_.erase(key);
            return;
        }
        const Time is_through =
            topology_.access(link.to).down.reserve(commons_.timeline.now(), packet->data.size() + header_bytes);
        if (is_through > commons_.timeline.now()) {
            ++commons_.moving;
            commons_.timeline.schedule(is_through, *this, through, event.key);
            return;
        }
    }
    Packet arrived_packet = std::move(*packet);
    packets_.erase(key);
    deliver(std::move(arrived_packet));
}

void Datagrams::deliver(Packet packet) {
    const auto bound = bound_.find(packet.to);
    if (bound == bound_.end()) return refuse(packet);
    auto& socket = *sockets_.find(bound->second);
    if (socket.queue.size() >= max_datagrams_queued) return;
    socket.queue.push_back(std::move(packet));
    node(socket.node).ledger().arrived();
    wake(bound->second, socket);
}

void Datagrams::refuse(const Packet& packet) {
    if (packet.error != Errc::ok || !node(packet.link->to).up()) return;
    auto& back = topology_.link(packet.link->to, packet.link->from);
    if (back.settings.loss_ppm != 0 && back.luck.chance(back.settings.loss_ppm, parts_per_million)) return;
    post(commons_.timeline.now() + topology_.latency(back),
         {packet.to, packet.from, &back, {}, Errc::connection_refused});
}

void Datagrams::close(DatagramKey key) {
    auto* socket = sockets_.find(key);
    if (socket == nullptr) return;
    auto& at = node(socket->node);
    at.cancel_waiting(owner_of(key));
    if (socket->readable != nullptr)
        at.finished(*socket->readable, OpKind::datagram_readable, Errc::canceled, 0, owner_of(key));
    remove(key, *socket);
}

void Datagrams::drop(DatagramKey key) {
    const auto* socket = sockets_.find(key);
    if (socket == nullptr) return;
    node(socket->node).forget(owner_of(key));
    remove(key, *socket);
}

void Datagrams::remove(DatagramKey key, const Socket& socket) {
    bound_.erase(socket.at);
    sockets_.erase(key);
}

void Datagrams::drop_node(NodeId id) {
    sockets_.each([&](DatagramKey key, const Socket& socket) {
        if (socket.node == id) remove(key, socket);
    });
}

std::size_t Datagrams::open_sockets(NodeId id) const {
    std::size_t count = 0;
    sockets_.each([&](DatagramKey, const Socket& socket) { count += socket.node == id ? 1u : 0u; });
    return count;
}

}  // namespace jst::runtime_sim
