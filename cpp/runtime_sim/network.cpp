#include "runtime_sim/network.hpp"

#include "runtime_sim/stream.hpp"

namespace jst::runtime_sim {
namespace {

class SimUdpSocket final : public runtime::UdpSocket {
  public:
    SimUdpSocket(Datagrams& datagrams, NodeId node, DatagramKey key)
        : datagrams_(datagrams), node_(node), key_(key), local_(datagrams.local(key)) {}
    SimUdpSocket(const SimUdpSocket&) = delete;
    ~SimUdpSocket() override { datagrams_.drop(key_); }

    void readable(runtime::ReadableOp& op) override { datagrams_.readable(node_, key_, op); }
    Result<std::size_t> receive_now(std::span<runtime::Datagram> into) override {
        return datagrams_.receive_now(key_, into);
    }
    std::size_t send_now(std::span<const runtime::Datagram> batch) override { return datagrams_.send_now(key_, batch); }
    void close() override { datagrams_.close(key_); }
    Endpoint local() const override { return local_; }

  private:
    Datagrams& datagrams_;
    NodeId node_;
    DatagramKey key_;
    Endpoint local_;
};

}  // namespace

// ---- the whole ----

void Network::add_node(Node& node, const IpAddress& host) {
    nodes_.push_back(&node);
    topology_.add_node(node.id(), host, node.name());
}

void Network::set_link(NodeId a, NodeId b, const LinkSettings& settings, bool one_way) {
    topology_.set_link(a, b, settings);
    if (!one_way) topology_.set_link(b, a, settings);
}

void Network::partition(NodeId a, NodeId b, Traffic traffic, bool one_way) {
    topology_.cut(a, b, traffic);
    if (!one_way) topology_.cut(b, a, traffic);
}

void Network::heal() {
    topology_.heal();
    connections_.resume();
}

void Network::release(NodeId a, NodeId b) {
    topology_.set_held(a, b, false);
    connections_.resume();
}

void Network::set_name(std::string_view name, std::vector<IpAddress> addresses) {
    names_.insert_or_assign(std::string(name), std::move(addresses));
}

std::vector<IpAddress> Network::lookup(std::string_view name) const {
    if (const auto literal = IpAddress::parse(name)) return {*literal};
    if (const auto set = names_.find(name); set != names_.end()) return set->second;
    if (const auto* found = topology_.find_name(name)) return {*found};
    return {};
}

void Network::resolve(NodeId id, runtime::ResolveOp& op, std::string_view host) {
    auto& node = *nodes_[id.value];
    if (!node.submitted(op, OpKind::resolve)) return;
    op.addresses = lookup(host);
    const bool literal = static_cast<bool>(IpAddress::parse(host));
    const auto key = questions_.emplace(Question{id, node.incarnation(), &op});
    commons_.timeline.schedule(commons_.timeline.now() + (literal ? Duration{} : resolve_latency), *this, 0,
                               key.packed());
}

void Network::secure(NodeId id, runtime::SecureOp& op) {
    auto& node = *nodes_[id.value];
    op.stream.reset();
    if (node.submitted(op, OpKind::secure)) node.finished(op, OpKind::secure, Errc::not_supported);
}

void Network::on_event(const Event& event) {
    const auto key = QuestionKey::unpack(event.key);
    const Question asked = *questions_.find(key);
    questions_.erase(key);
    auto& node = *nodes_[asked.node.value];
    if (asked.incarnation != node.incarnation()) return;
    const std::size_t count = asked.op->addresses.size();
    node.finished(*asked.op, OpKind::resolve, count == 0 ? Errc::host_not_found : Errc::ok, count);
}

void Network::drop_node(NodeId node, bool closed) {
    connections_.drop_node(node, closed);
    datagrams_.drop_node(node);
}

// ---- what a node sees ----

Result<std::unique_ptr<runtime::Listener>> NodeNet::listen(const Endpoint& at) {
    JST_TRY(key, network_.connections().listen(node_, at));
    return std::unique_ptr<runtime::Listener>(std::make_unique<SimListener>(network_.connections(), node_, key));
}

void NodeNet::connect(runtime::ConnectOp& op, const Endpoint& to, const IpAddress& from) {
    network_.connections().connect(node_, op, to, {from, 0});
}

void NodeNet::connect_from(runtime::ConnectOp& op, const Endpoint& to, std::uint16_t port) {
    network_.connections().connect(node_, op, to, {IpAddress{}, port});
}

void NodeNet::cancel(runtime::ConnectOp& op) { network_.connections().cancel(node_, op); }

void NodeNet::resolve(runtime::ResolveOp& op, std::string_view host) { network_.resolve(node_, op, host); }

void NodeNet::secure(runtime::SecureOp& op, std::string_view) { network_.secure(node_, op); }

Result<std::unique_ptr<runtime::UdpSocket>> NodeNet::open_udp(const Endpoint& at) {
    JST_TRY(key, network_.datagrams().open(node_, at));
    return std::unique_ptr<runtime::UdpSocket>(std::make_unique<SimUdpSocket>(network_.datagrams(), node_, key));
}

std::size_t NodeNet::open_sockets() const noexcept {
    return network_.connections().open_sockets(node_) + network_.datagrams().open_sockets(node_);
}

}  // namespace jst::runtime_sim
