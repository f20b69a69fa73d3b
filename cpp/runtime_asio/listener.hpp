// A listening socket. Accepts one connection for each AcceptOp; the rest waits in the kernel's queue.
#pragma once

#include "runtime_asio/tcp.hpp"

namespace jst::runtime_asio {

class ListenSocket final : public Watched {
  public:
    ListenSocket(Reactor& reactor, Sockets& sockets) : Watched(reactor), sockets_(sockets), accept_(*this) {}
    ~ListenSocket() override { drop(); }

    Result<void> open(const Endpoint& at);
    void accept(runtime::AcceptOp& op);
    void close() noexcept;
    void drop() noexcept;
    const Endpoint& local() const noexcept { return local_; }

  private:
    struct AcceptSlot final : Slot {
        explicit AcceptSlot(ListenSocket& s) noexcept : socket(s) {}
        void hand_over(runtime::Op& op) override;
        ListenSocket& socket;
    };
    void on_readable() override;
    void try_accept();
    void release() noexcept;

    Sockets& sockets_;
    AcceptSlot accept_;
    std::unique_ptr<runtime::Stream> accepted_;
    Endpoint local_;
};

class TcpListener final : public runtime::Listener {
  public:
    explicit TcpListener(std::shared_ptr<ListenSocket> socket) noexcept : socket_(std::move(socket)) {}
    ~TcpListener() override { socket_->drop(); }
    void accept(runtime::AcceptOp& op) override { socket_->accept(op); }
    void close() override { socket_->close(); }
    Endpoint local() const override { return socket_->local(); }

  private:
    std::shared_ptr<ListenSocket> socket_;
};

}  // namespace jst::runtime_asio
