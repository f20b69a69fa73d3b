// The faces that a Gated shows to an engine: disk, compute, net, listeners and points. Each only passes on.
#pragma once

#include "runtime_fault/gated.hpp"

namespace jst::runtime_fault {

/// The second was submitted after the first, and what it does depends on that.
bool must_follow(const runtime::DiskOp& first, const runtime::DiskOp& second) noexcept;

class Gated::Disk final : public runtime::Disk {
  public:
    explicit Disk(Gated& room) noexcept : room_(room) {}
    void submit(runtime::DiskOp& op) override { room_.submit(op, Kind::disk); }
    /// What is held is with nobody, and not counted.
    std::size_t pending() const noexcept override { return room_.below_.disk.pending(); }

  private:
    Gated& room_;
};

class Gated::Compute final : public runtime::Compute {
  public:
    explicit Compute(Gated& room) noexcept : room_(room) {}
    void hash(runtime::HashOp& op) override { room_.submit(op, Kind::hash); }
    std::unique_ptr<runtime::HashState> new_state() override { return room_.below_.compute.new_state(); }
    void hash_more(runtime::HashMoreOp& op) override { room_.submit(op, Kind::hash_more); }
    std::size_t pending() const noexcept override { return room_.below_.compute.pending(); }

  private:
    Gated& room_;
};

class Gated::Listener final : public runtime::Listener {
  public:
    Listener(Gated& room, std::unique_ptr<runtime::Listener> below) noexcept : room_(room), below_(std::move(below)) {}
    ~Listener() override;
    void accept(runtime::AcceptOp& op) override;
    void close() override;
    Endpoint local() const override { return below_->local(); }

  private:
    Gated& room_;
    std::unique_ptr<runtime::Listener> below_;
    runtime::AcceptOp* op_ = nullptr;  // the last that was submitted
};

class Gated::Net final : public runtime::Net {
  public:
    explicit Net(Gated& room) noexcept : room_(room) {}
    Result<std::unique_ptr<runtime::Listener>> listen(const Endpoint& at) override;
    void connect(runtime::ConnectOp& op, const Endpoint& to, const IpAddress& from) override {
        below().connect(op, to, from);
    }
    void cancel(runtime::ConnectOp& op) override { below().cancel(op); }
    void resolve(runtime::ResolveOp& op, std::string_view host) override;
    void secure(runtime::SecureOp& op, std::string_view host) override { below().secure(op, host); }
    void cancel(runtime::SecureOp& op) override { below().cancel(op); }
    Result<std::unique_ptr<runtime::UdpSocket>> open_udp(const Endpoint& at) override { return below().open_udp(at); }
    std::size_t open_sockets() const noexcept override { return room_.below_.net.open_sockets(); }

  private:
    runtime::Net& below() noexcept { return room_.below_.net; }
    Gated& room_;
};

/// Gates first: what a crash stops is told to nobody.
class Gated::Fan final : public runtime::Probe {
  public:
    explicit Fan(Gated& room) noexcept : room_(room) {}
    void add(std::unique_ptr<runtime::Probe> probe);

    void point(runtime::Point id, const runtime::Tag& tag) override;
    void on_torrent(std::uint32_t number, const Sha1Digest& wire_id) override;
    void on_peer(std::uint32_t number, const Endpoint& address) override;

  private:
    Gated& room_;
    runtime::ProbeFan others_;
    std::vector<std::unique_ptr<runtime::Probe>> owned_;
};

}  // namespace jst::runtime_fault
