// A TCP connection, from the dialling on: readiness from epoll, reading and writing by scatter and gather calls.
//
// A write is tried at once and waits for epoll only when the kernel's buffer is full. A read that filled all its spans
// leaves the connection "maybe readable", and the next readable() ends without a system call.
// TcpSocket is shared with epoll's handlers; TcpStream is the one owner that the engine holds.
#pragma once

#include <atomic>

#include "runtime_asio/watched.hpp"

namespace jst::runtime_asio {

class TcpSocket;

/// How many descriptors are open, the ceiling (which another thread may change), and the connections being dialled,
/// which nobody else holds.
struct Sockets {
    std::size_t open = 0;
    std::atomic<std::size_t> ceiling{0};
    std::vector<std::shared_ptr<TcpSocket>> dialling;
    bool full() const noexcept { return open >= ceiling.load(std::memory_order_relaxed); }
};

class TcpSocket final : public Watched {
  public:
    TcpSocket(Reactor& reactor, Sockets& sockets)
        : Watched(reactor), sockets_(sockets), connect_(*this), read_(*this) {}
    ~TcpSocket() override { drop(); }

    /// A connected descriptor.
    bool adopt_connected(int fd, const Endpoint& remote);
    void connect(runtime::ConnectOp& op, const Endpoint& to, const IpAddress& from);
    void cancel_connect() noexcept;

    void readable(runtime::ReadableOp& op);
    Result<std::size_t> read_now(std::span<const MutableBytes> into);
    void write_some(runtime::WriteOp& op, std::span<const Bytes> from);
    void shutdown_send() noexcept;
    void close(runtime::CloseMode mode) noexcept;
    void cancel() noexcept;
    void low_water(std::size_t bytes) noexcept;
    /// Without a completion: the owner is gone.
    void drop() noexcept;
    const Endpoint& local() const noexcept { return local_; }
    const Endpoint& remote() const noexcept { return remote_; }

  private:
    struct ConnectSlot final : Slot {
        explicit ConnectSlot(TcpSocket& s) noexcept : socket(s) {}
        void hand_over(runtime::Op& op) override;
        TcpSocket& socket;
    };
    struct ReadSlot final : Slot {
        explicit ReadSlot(TcpSocket& s) noexcept : socket(s) {}
        void hand_over(runtime::Op&) override { socket.read_turn_ = socket.reactor_.turn(); }
        TcpSocket& socket;
    };
    struct WriteSlot final : Slot {
        void hand_over(runtime::Op&) override {}
    };

    void on_readable() override;
    void on_writable() override;
    void finish_connect(int error) noexcept;
    int dial(const Endpoint& to, const IpAddress& from) noexcept;
    void try_write();
    void reset() noexcept;
    void release() noexcept;

    Sockets& sockets_;
    ConnectSlot connect_;
    ReadSlot read_;
    WriteSlot write_;
    runtime::WriteOp* write_op_ = nullptr;
    std::span<const Bytes> from_;
    bool maybe_readable_ = false;
    std::size_t low_water_ = 1;
    std::uint64_t read_turn_ = 0;
    Endpoint local_;
    Endpoint remote_;
};

class TcpStream final : public runtime::Stream {
  public:
    explicit TcpStream(std::shared_ptr<TcpSocket> socket) noexcept : socket_(std::move(socket)) {}
    ~TcpStream() override { socket_->drop(); }
    void readable(runtime::ReadableOp& op) override { socket_->readable(op); }
    Result<std::size_t> read_now(std::span<const MutableBytes> into) override { return socket_->read_now(into); }
    void write_some(runtime::WriteOp& op, std::span<const Bytes> from) override { socket_->write_some(op, from); }
    void shutdown_send() override { socket_->shutdown_send(); }
    void close(runtime::CloseMode mode) override { socket_->close(mode); }
    void cancel() override { socket_->cancel(); }
    void low_water(std::size_t bytes) override { socket_->low_water(bytes); }
    Endpoint local() const override { return socket_->local(); }
    Endpoint remote() const override { return socket_->remote(); }

  private:
    std::shared_ptr<TcpSocket> socket_;
};

}  // namespace jst::runtime_asio
