// A datagram socket: batches in and out by recvmmsg and sendmmsg. What ICMP says of those that went comes in with the
// others.
#pragma once

#include "runtime_asio/tcp.hpp"

namespace jst::runtime_asio {

class DatagramSocket final : public Watched {
  public:
    DatagramSocket(Reactor& reactor, Sockets& sockets) : Watched(reactor), sockets_(sockets), read_(*this) {}
    ~DatagramSocket() override { drop(); }

    Result<void> open(const Endpoint& at);
    void readable(runtime::ReadableOp& op);
    Result<std::size_t> receive_now(std::span<runtime::Datagram> into);
    std::size_t send_now(std::span<const runtime::Datagram> batch);
    void close() noexcept;
    void drop() noexcept;
    const Endpoint& local() const noexcept { return local_; }

  private:
    struct ReadSlot final : Slot {
        explicit ReadSlot(DatagramSocket& s) noexcept : socket(s) {}
        void hand_over(runtime::Op&) override { socket.read_turn_ = socket.reactor_.turn(); }
        DatagramSocket& socket;
    };
    void on_readable() override;
    std::size_t receive_errors(std::span<runtime::Datagram> into);
    std::size_t send_some(std::span<const runtime::Datagram> batch);
    void release() noexcept;

    Sockets& sockets_;
    ReadSlot read_;
    bool maybe_readable_ = false;
    std::uint64_t read_turn_ = 0;
    Endpoint local_;
};

class UdpPort final : public runtime::UdpSocket {
  public:
    explicit UdpPort(std::shared_ptr<DatagramSocket> socket) noexcept : socket_(std::move(socket)) {}
    ~UdpPort() override { socket_->drop(); }
    void readable(runtime::ReadableOp& op) override { socket_->readable(op); }
    Result<std::size_t> receive_now(std::span<runtime::Datagram> into) override { return socket_->receive_now(into); }
    std::size_t send_now(std::span<const runtime::Datagram> batch) override { return socket_->send_now(batch); }
    void close() override { socket_->close(); }
    Endpoint local() const override { return socket_->local(); }

  private:
    std::shared_ptr<DatagramSocket> socket_;
};

}  // namespace jst::runtime_asio
