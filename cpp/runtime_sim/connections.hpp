// Every stream connection of a world: from the SYN to the last byte, FIN, RST or silence.
//
// A connection is two flows. Bytes of a flow lie in one queue from write to read; segments on the wire are only counts,
// so a segment costs an event and no memory. What is written and not yet read never exceeds the window of the link: a
// reader that does not read stops the writer. Segments queue per stream in turn at the sender's access line, then at
// the link, then first come first served at the receiver's access line. Behaviour is that of Linux: data for a closed
// side is answered by RST; what was delivered before a RST can be read; after a FIN the end of the stream wins over a
// RST; SYNs are repeated after 1, 2, 4 ... s, seven times in all. Invariants: read <= delivered <= sent <= written;
// credited <= read; written - credited <= window.
#pragma once

#include <deque>
#include <map>

#include "base/slot_map.hpp"
#include "runtime_sim/byte_queue.hpp"
#include "runtime_sim/node.hpp"
#include "runtime_sim/topology.hpp"

namespace jst::runtime_sim {

using ConnectionKey = Key<struct ConnectionTag>;
using ListenerKey = Key<struct ListenerTag>;

/// Connections that a listener keeps for its owner; further SYNs are lost.
inline constexpr std::size_t max_backlog = runtime::listen_backlog;
inline constexpr unsigned max_syn_tries = 7;
/// After a cut is healed, what was lost is sent again after this and the latency.
inline constexpr Duration retransmission_delay = milliseconds(200);

/// One end of a connection, as a Stream holds it.
struct StreamEnd {
    ConnectionKey key;
    std::uint8_t side = 0;

    std::uint64_t owner() const noexcept { return key.packed() << 2 | side; }
};

enum class SideState : std::uint8_t { unborn, connecting, syn_received, waiting_accept, open, closed, dropped };

struct Side {
    NodeId node;
    SideState state = SideState::unborn;
    bool held = false;  // a Stream object names it
    Errc failure = Errc::ok;
    std::uint32_t incarnation = 0;  // of the node
    Endpoint local;
    runtime::ReadableOp* readable = nullptr;
    runtime::WriteOp* write = nullptr;
    std::span<const Bytes> unwritten;
    std::uint64_t readable_done = 0;  // the newest completions, see Node::finished
    std::uint64_t write_done = 0;
};

/// The bytes from one side to the other; the numbers count from the start of the connection.
struct Flow {
    ByteQueue bytes;
    std::uint64_t written = 0;
    std::uint64_t sent = 0;
    std::uint64_t delivered = 0;
    std::uint64_t read = 0;
    std::uint64_t credit_sent = 0;
    std::uint64_t credited = 0;
    Time last_arrival;
    bool fin_written = false;
    bool fin_sent = false;
    bool fin_arrived = false;
    bool dead = false;        // nothing more is delivered
    bool reset_owed = false;  // a RST follows the FIN
    bool unanswered = false;  // something came to a machine that was down
    bool in_line = false;     // stands in the queue of the sender's access line
    bool parked = false;      // something arrived where the path is cut or held:
    bool parked_fin = false;
    bool parked_reset = false;
    bool parked_credit = false;
    std::uint64_t parked_bytes = 0;

    bool has_unsent() const noexcept { return !dead && (written > sent || (fin_written && !fin_sent)); }
    bool finished() const noexcept { return dead || (fin_arrived && delivered == written); }
};

struct Connection {
    Side sides[2];                        // 0 dialled
    Flow flows[2];                        // i: from side i
    Link* links[2] = {nullptr, nullptr};  // i: from side i; known once the SYN arrived
    Endpoint to;
    runtime::ConnectOp* connect = nullptr;
    unsigned tries = 0;
    std::uint64_t dial = 0;  // its place in the dialler's ledger
    bool silent = false;     // a black hole: nothing passes any more, not even a RST
};

class Connections final : private EventSink {
  public:
    Connections(Commons& commons, Topology& topology, const std::vector<Node*>& nodes)
        : commons_(commons), topology_(topology), nodes_(nodes) {}

    // ---- listening and dialling ----
    Result<ListenerKey> listen(NodeId node, const Endpoint& at);
    Endpoint local(ListenerKey key) const;
    void accept(NodeId node, ListenerKey key, runtime::AcceptOp& op);
    void close(ListenerKey key);
    void drop(ListenerKey key);
    /// `from.port` 0: an ephemeral one.
    void connect(NodeId node, runtime::ConnectOp& op, const Endpoint& to, const Endpoint& from);
    void cancel(NodeId node, runtime::ConnectOp& op);

    // ---- streams ----
    void readable(NodeId node, StreamEnd end, runtime::ReadableOp& op);
    Result<std::size_t> read_now(StreamEnd end, std::span<const MutableBytes> into);
    void write_some(NodeId node, StreamEnd end, runtime::WriteOp& op, std::span<const Bytes> from);
    void shutdown_send(StreamEnd end);
    void close(StreamEnd end, runtime::CloseMode mode);
    void cancel(StreamEnd end);
    /// No completion comes any more. The other side is reset; `silent`: it hears nothing.
    void drop(StreamEnd end, bool silent = false);

    // ---- the world's hand ----
    /// All ends of the node fall silent (`closed`: are closed, as a kernel does when a process ends).
    void drop_node(NodeId node, bool closed);
    /// The node is up again: who sent to it meanwhile learns that his connection is gone.
    void node_is_back(NodeId node);
    /// After a cut was healed or a link released: what was parked goes on.
    void resume();
    /// When `bytes` more were delivered from `from` to `to`, over all connections, the one of the last byte ends; 0:
    /// all that are there now.
    void cut_after(NodeId from, NodeId to, std::uint64_t bytes, CutHow how);
    /// A connection between the two is a black hole, and not both sides have noticed.
    bool has_black_hole(NodeId a, NodeId b);
    /// Sockets that a node may have open; 0: no limit.
    void limit_sockets(NodeId node, std::size_t most) { at_node(node).most_sockets = most; }
    std::size_t open_sockets(NodeId node) { return at_node(node).sockets; }
    std::size_t size() const noexcept { return connections_.size(); }

  private:
    enum EventKind : std::uint32_t { syn, syn_retry, syn_ack, refused, arrived, through, credit, reset, line_free };

    struct ListenerState {
        NodeId node;
        Endpoint at;
        runtime::AcceptOp* accept = nullptr;
        std::uint64_t accept_done = 0;
        std::deque<ConnectionKey> waiting;
        std::vector<ConnectionKey> half_open;  // and some that are gone or farther
    };
    struct AtNode {
        std::deque<StreamEnd> line;  // flows that wait for the access line, in turn
        bool line_armed = false;
        std::size_t sockets = 0;
        std::size_t most_sockets = 0;
    };

    void on_event(const Event& event) override;
    AtNode& at_node(NodeId node);
    Node& node(NodeId id) const { return *nodes_[id.value]; }
    void send_packet(Time when, EventKind kind, ConnectionKey key, std::uint64_t value);
    static std::uint64_t owner_of(ListenerKey key) noexcept { return key.packed() << 2 | 2; }

    // connections.cpp: birth; connection_ends.cpp: death
    std::uint16_t free_port(const IpAddress& host);
    /// The node that a SYN for `to` reaches: the listener's, else the first one at that address; none: a black hole.
    const NodeId* route(const Endpoint& to) const;
    bool room_for_socket(NodeId node);
    void send_syn(ConnectionKey key, Connection& c);
    void on_syn(ConnectionKey key, Connection& c);
    bool has_room(ListenerState& listener);
    void on_syn_retry(ConnectionKey key, Connection& c);
    void on_syn_ack(ConnectionKey key, Connection& c);
    void fail_connect(ConnectionKey key, Connection& c, Errc error);
    void established(ConnectionKey key, Connection& c);
    void try_accept(ListenerKey key);
    std::unique_ptr<runtime::Stream> open_stream(ConnectionKey key, Connection& c, std::uint8_t side);
    void release(Connection& c, std::uint8_t side);
    void drop_side(ConnectionKey key, Connection& c, std::uint8_t side);
    void send_reset(ConnectionKey key, Connection& c, std::uint8_t from);
    void on_reset(ConnectionKey key, Connection& c, std::uint8_t from, bool overtakes, Errc failure);
    void fail_side(Connection& c, StreamEnd end, Errc failure);
    void cancel_outstanding(Connection& c, StreamEnd end);
    void erase_if_over(ConnectionKey key, Connection& c);

    // flows.cpp: bytes
    bool has_news(const Connection& c, std::uint8_t side) const noexcept;
    void wake_reader(Connection& c, StreamEnd end);
    void try_write(Connection& c, StreamEnd end);
    void return_credit(Connection& c, StreamEnd reader);
    void pump(ConnectionKey key, Connection& c, std::uint8_t side);
    std::uint64_t next_segment(Connection& c, std::uint8_t side);
    void send_segment(ConnectionKey key, Connection& c, std::uint8_t side, std::uint64_t bytes, Time leaves);
    void serve_line(NodeId id);
    void on_arrived(ConnectionKey key, Connection& c, std::uint8_t from, std::uint64_t bytes, bool fin);
    void deliver(ConnectionKey key, Connection& c, std::uint8_t from, std::uint64_t bytes, bool fin);
    void hand_over(ConnectionKey key, Connection& c, std::uint8_t from, std::uint64_t bytes, bool fin);
    void on_credit(Connection& c, StreamEnd writer, std::uint64_t read);
    void resume(ConnectionKey key, Connection& c, std::uint8_t from);

    // connection_faults.cpp
    static void corrupt(Link& link, Flow& flow, std::uint64_t bytes);
    void cut(NodeId hears_first, NodeId other, CutHow how);
    void sever(ConnectionKey key, Connection& c, std::uint8_t near, CutHow how);

    Commons& commons_;
    Topology& topology_;
    const std::vector<Node*>& nodes_;
    ChunkPool pool_;
    SlotMap<Connection, ConnectionKey> connections_;
    SlotMap<ListenerState, ListenerKey> listeners_;
    std::map<Endpoint, ListenerKey> listening_;
    std::map<IpAddress, std::uint16_t> next_port_;
    std::deque<AtNode> at_nodes_;
};

}  // namespace jst::runtime_sim
