// The network of a world in one piece, and the Net that each node sees of it.
//
// Joins topology, connections and datagrams; resolves names (literal addresses, those that were set, those of nodes).
#pragma once

#include <map>

#include "runtime_sim/connections.hpp"
#include "runtime_sim/datagrams.hpp"

namespace jst::runtime_sim {

inline constexpr Duration resolve_latency = milliseconds(20);

class Network final : private EventSink {
  public:
    explicit Network(Commons& commons)
        : commons_(commons),
          topology_(commons.seed),
          connections_(commons, topology_, nodes_),
          datagrams_(commons, topology_, nodes_) {}

    void add_node(Node& node, const IpAddress& host);
    Topology& topology() noexcept { return topology_; }
    Connections& connections() noexcept { return connections_; }
    Datagrams& datagrams() noexcept { return datagrams_; }

    // ---- faults: both directions unless told ----
    void set_link(NodeId a, NodeId b, const LinkSettings& settings, bool one_way = false);
    void partition(NodeId a, NodeId b, Traffic traffic = Traffic::all, bool one_way = false);
    void heal();
    /// From a to b everything waits until release().
    void hold(NodeId a, NodeId b) { topology_.set_held(a, b, true); }
    void release(NodeId a, NodeId b);
    /// What a name means from now on; no addresses: nothing. Before these, nodes have their names.
    void set_name(std::string_view name, std::vector<IpAddress> addresses);
    std::vector<IpAddress> lookup(std::string_view name) const;

    // ---- nodes ----
    void resolve(NodeId node, runtime::ResolveOp& op, std::string_view host);
    /// There is no TLS in this world.
    void secure(NodeId node, runtime::SecureOp& op);
    /// `closed`: sockets end as after the end of a process; else they fall silent.
    void drop_node(NodeId node, bool closed);

  private:
    struct Question {
        NodeId node;
        std::uint32_t incarnation = 0;
        runtime::ResolveOp* op = nullptr;
    };
    using QuestionKey = Key<struct QuestionTag>;
    void on_event(const Event& event) override;

    Commons& commons_;
    std::vector<Node*> nodes_;
    std::map<std::string, std::vector<IpAddress>, std::less<>> names_;
    Topology topology_;
    Connections connections_;
    Datagrams datagrams_;
    SlotMap<Question, QuestionKey> questions_;
};

class NodeNet final : public runtime::Net {
  public:
    NodeNet(Network& network, NodeId node) : network_(network), node_(node) {}

    Result<std::unique_ptr<runtime::Listener>> listen(const Endpoint& at) override;
    void connect(runtime::ConnectOp& op, const Endpoint& to, const IpAddress& from) override;
    /// From a port of one's own choice.
    void connect_from(runtime::ConnectOp& op, const Endpoint& to, std::uint16_t port);
    void cancel(runtime::ConnectOp& op) override;
    void resolve(runtime::ResolveOp& op, std::string_view host) override;
    void secure(runtime::SecureOp& op, std::string_view host) override;
    void cancel(runtime::SecureOp&) override {}
    Result<std::unique_ptr<runtime::UdpSocket>> open_udp(const Endpoint& at) override;
    std::size_t open_sockets() const noexcept override;

  private:
    Network& network_;
    NodeId node_;
};

}  // namespace jst::runtime_sim
