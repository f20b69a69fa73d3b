// The handles that a host holds: a stream and a listener of the simulated network. All they know is a key.
#pragma once

#include "runtime/net.hpp"
#include "runtime_sim/connections.hpp"

namespace jst::runtime_sim {

class SimStream final : public runtime::Stream {
  public:
    SimStream(Connections& connections, NodeId node, StreamEnd end, const Endpoint& local, const Endpoint& remote)
        : connections_(connections), node_(node), end_(end), local_(local), remote_(remote) {}
    SimStream(const SimStream&) = delete;
    ~SimStream() override { connections_.drop(end_); }

    /// As if the cable were cut here: the other side hears nothing any more.
    void fall_silent() { connections_.drop(end_, true); }
    void readable(runtime::ReadableOp& op) override { connections_.readable(node_, end_, op); }
    Result<std::size_t> read_now(std::span<const MutableBytes> into) override {
        return connections_.read_now(end_, into);
    }
    void write_some(runtime::WriteOp& op, std::span<const Bytes> from) override {
        connections_.write_some(node_, end_, op, from);
    }
    void shutdown_send() override { connections_.shutdown_send(end_); }
    void close(runtime::CloseMode mode) override { connections_.close(end_, mode); }
    void cancel() override { connections_.cancel(end_); }
    void low_water(std::size_t) override {}
    Endpoint local() const override { return local_; }
    Endpoint remote() const override { return remote_; }

  private:
    Connections& connections_;
    NodeId node_;
    StreamEnd end_;
    Endpoint local_;
    Endpoint remote_;
};

class SimListener final : public runtime::Listener {
  public:
    SimListener(Connections& connections, NodeId node, ListenerKey key)
        : connections_(connections), node_(node), key_(key), local_(connections.local(key)) {}
    SimListener(const SimListener&) = delete;
    ~SimListener() override { connections_.drop(key_); }

    void accept(runtime::AcceptOp& op) override { connections_.accept(node_, key_, op); }
    void close() override { connections_.close(key_); }
    Endpoint local() const override { return local_; }

  private:
    Connections& connections_;
    NodeId node_;
    ListenerKey key_;
    Endpoint local_;
};

}  // namespace jst::runtime_sim
