// The network of this machine: makes listeners, connections and datagram sockets, up to a ceiling.
#pragma once

#include "runtime_asio/resolver.hpp"
#include "runtime_asio/tcp.hpp"
#include "runtime_asio/tls.hpp"

namespace jst::runtime_asio {

class AsioNet final : public runtime::Net {
  public:
    /// `ceiling` 0: what the process may open, less a reserve for files.
    AsioNet(Reactor& reactor, std::shared_ptr<Bell> bell, std::size_t ceiling);

    Result<std::unique_ptr<runtime::Listener>> listen(const Endpoint& at) override;
    void connect(runtime::ConnectOp& op, const Endpoint& to, const IpAddress& from) override;
    void cancel(runtime::ConnectOp& op) override;
    void resolve(runtime::ResolveOp& op, std::string_view host) override { resolver_.resolve(op, host); }
    void secure(runtime::SecureOp& op, std::string_view host) override { tls_.secure(op, host); }
    void cancel(runtime::SecureOp& op) override { tls_.cancel(op); }
    Result<std::unique_ptr<runtime::UdpSocket>> open_udp(const Endpoint& at) override;
    std::size_t open_sockets() const noexcept override { return sockets_.open; }

    /// Thread-safe. 0 as above.
    void set_ceiling(std::size_t ceiling) noexcept;
    void collect() { resolver_.collect(); }
    void abandon() noexcept;

  private:
    Reactor& reactor_;
    Sockets sockets_;
    Resolver resolver_;
    Tls tls_;
};

}  // namespace jst::runtime_asio
