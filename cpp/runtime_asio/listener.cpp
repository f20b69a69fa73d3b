#include "runtime_asio/listener.hpp"

#include <unistd.h>

#include <cerrno>

#include "runtime_asio/errors.hpp"
#include "runtime_asio/sockaddr.hpp"

namespace jst::runtime_asio {

void ListenSocket::AcceptSlot::hand_over(runtime::Op& op) {
    if (op.error == Errc::ok) static_cast<runtime::AcceptOp&>(op).stream = std::move(socket.accepted_);
    socket.accepted_.reset();
}

Result<void> ListenSocket::open(const Endpoint& at) {
    if (sockets_.full()) return fail(Errc::too_many_sockets);
    const int fd = open_socket(family_of(at.host), SOCK_STREAM);
    if (fd < 0) return fail(net_error(errno));
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    const SockAddr address(at);
    if (::bind(fd, address.get(), address.length) != 0 || ::listen(fd, runtime::listen_backlog) != 0) {
        const auto error = net_error(errno);
        ::close(fd);
        return fail(error);
    }
    local_ = local_of(fd);
    if (!adopt(fd)) return fail(Errc::too_many_sockets);
    ++sockets_.open;
    return {};
}

void ListenSocket::accept(runtime::AcceptOp& op) {
    accept_.begin(op);
    op.stream.reset();
    if (!is_open())
        reactor_.finish(accept_, Errc::closed);
    else if (sockets_.full())
        watch_read();  // too many only when somebody comes
    else
        try_accept();
}

void ListenSocket::on_readable() {
    if (accept_.outstanding() && !accept_.queued()) try_accept();
}

void ListenSocket::try_accept() {
    if (sockets_.full()) return reactor_.finish(accept_, Errc::too_many_sockets);
    SockAddr remote;
    int fd;
    do {
        remote.length = sizeof remote.storage;
        fd = ::accept4(this->fd(), remote.get(), &remote.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO));
    if (fd >= 0) {
        auto socket = std::make_shared<TcpSocket>(reactor_, sockets_);
        if (!socket->adopt_connected(fd, remote.endpoint())) return reactor_.finish(accept_, Errc::too_many_sockets);
        accepted_ = std::make_unique<TcpStream>(std::move(socket));
        reactor_.finish(accept_, Errc::ok);
    } else if (errno == EAGAIN) {
        watch_read();
    } else {
        reactor_.finish(accept_, net_error(errno));
    }
}

void ListenSocket::close() noexcept {
    release();
    accepted_.reset();
    reactor_.cancel(accept_);
}

void ListenSocket::drop() noexcept {
    release();
    accepted_.reset();
    reactor_.forget(accept_);
}

void ListenSocket::release() noexcept {
    if (!is_open()) return;
    shut();
    --sockets_.open;
}

}  // namespace jst::runtime_asio
