// Datagram sockets of a world: each packet goes its own way and may be lost, doubled or overtaken by the link's luck.
//
// Packets share the lines with streams. A full receive queue drops what comes, as UDP does. A node that is up says so,
// as by ICMP, when nobody listens where a packet came to.
#pragma once

#include <deque>
#include <map>

#include "base/slot_map.hpp"
#include "runtime_sim/node.hpp"
#include "runtime_sim/topology.hpp"

namespace jst::runtime_sim {

using DatagramKey = Key<struct DatagramTag>;
using PacketKey = Key<struct PacketTag>;

inline constexpr std::size_t max_datagram = 65507;
inline constexpr std::size_t max_datagrams_queued = 1024;

class Datagrams final : private EventSink {
  public:
    Datagrams(Commons& commons, Topology& topology, const std::vector<Node*>& nodes)
        : commons_(commons), topology_(topology), nodes_(nodes) {}

    Result<DatagramKey> open(NodeId node, const Endpoint& at);
    Endpoint local(DatagramKey key) const;
    void readable(NodeId node, DatagramKey key, runtime::ReadableOp& op);
    Result<std::size_t> receive_now(DatagramKey key, std::span<runtime::Datagram> into);
    std::size_t send_now(DatagramKey key, std::span<const runtime::Datagram> batch);
    void close(DatagramKey key);
    void drop(DatagramKey key);
    void drop_node(NodeId node);
    std::size_t open_sockets(NodeId node) const;

  private:
    enum EventKind : std::uint32_t { arrived, through };
    struct Packet {
        Endpoint from;
        Endpoint to;
        Link* link = nullptr;
        ByteVector data;
        Errc error = Errc::ok;  // says of one that went the other way that it was refused
    };
    struct Socket {
        NodeId node;
        Endpoint at;
        runtime::ReadableOp* readable = nullptr;
        std::uint64_t readable_done = 0;
        std::deque<Packet> queue;
    };

    void on_event(const Event& event) override;
    void send(const Socket& socket, const runtime::Datagram& datagram);
    void post(Time when, Packet packet);
    void deliver(Packet packet);
    void refuse(const Packet& packet);
    void wake(DatagramKey key, Socket& socket);
    void remove(DatagramKey key, const Socket& socket);
    Node& node(NodeId id) const { return *nodes_[id.value]; }
    static std::uint64_t owner_of(DatagramKey key) noexcept { return key.packed() << 2 | 3; }

    Commons& commons_;
    Topology& topology_;
    const std::vector<Node*>& nodes_;
    SlotMap<Socket, DatagramKey> sockets_;
    SlotMap<Packet, PacketKey> packets_;
    std::map<Endpoint, DatagramKey> bound_;
    std::map<IpAddress, std::uint16_t> next_port_;
};

}  // namespace jst::runtime_sim
