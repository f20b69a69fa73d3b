#include "runtime_asio/tcp.hpp"

#include <netinet/tcp.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "runtime_asio/errors.hpp"
#include "runtime_asio/sockaddr.hpp"

namespace jst::runtime_asio {

using runtime::CloseMode;

void TcpSocket::ConnectSlot::hand_over(runtime::Op& op) {
    auto& dialling = socket.sockets_.dialling;
    const auto at = std::find_if(dialling.begin(), dialling.end(), [&](const auto& s) { return s.get() == &socket; });
    std::swap(*at, dialling.back());
    auto keep = std::move(dialling.back());
    dialling.pop_back();
    if (op.error == Errc::ok)
        static_cast<runtime::ConnectOp&>(op).stream = std::make_unique<TcpStream>(std::move(keep));
}

bool TcpSocket::adopt_connected(int fd, const Endpoint& remote) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    remote_ = remote;
    local_ = local_of(fd);
    if (!adopt(fd)) return false;
    ++sockets_.open;
    return true;
}

int TcpSocket::dial(const Endpoint& to, const IpAddress& from) noexcept {
    if (sockets_.full()) return EMFILE;
    const int fd = open_socket(family_of(to.host), SOCK_STREAM);
    if (fd < 0) return errno;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    int error = 0;
    if (!from.is_unspecified()) {
        set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        const SockAddr source(Endpoint{from, 0});
        if (family_of(from) != family_of(to.host))
            error = EADDRNOTAVAIL;
        else if (::bind(fd, source.get(), source.length) != 0)
            error = errno;
    }
    const SockAddr target(to);
    if (error == 0 && ::connect(fd, target.get(), target.length) != 0) error = errno;
    if (error != 0 && error != EINPROGRESS) {
        ::close(fd);
        return error;
    }
    if (!adopt(fd)) return EMFILE;
    ++sockets_.open;
    remote_ = to;
    return error;
}

void TcpSocket::connect(runtime::ConnectOp& op, const Endpoint& to, const IpAddress& from) {
    connect_.begin(op);
    op.stream.reset();
    op.runtime = this;
    sockets_.dialling.push_back(std::static_pointer_cast<TcpSocket>(shared_from_this()));
    const int error = dial(to, from);
    if (error == EINPROGRESS)
        watch_write();
    else
        finish_connect(error);
}

void TcpSocket::finish_connect(int error) noexcept {
    if (error == 0)
        local_ = local_of(fd());
    else
        reset();
    reactor_.finish(connect_, error == 0 ? Errc::ok : net_error(error));
}

void TcpSocket::cancel_connect() noexcept {
    reset();
    reactor_.cancel(connect_);
}

void TcpSocket::readable(runtime::ReadableOp& op) {
    read_.begin(op);
    if (!is_open())
        reactor_.finish(read_, Errc::closed);
    else if (maybe_readable_)
        reactor_.finish(read_, Errc::ok);
    else
        watch_read();
}

void TcpSocket::on_readable() {
    maybe_readable_ = true;
    reactor_.finish(read_, Errc::ok);
}

Result<std::size_t> TcpSocket::read_now(std::span<const MutableBytes> into) {
    if (!is_open()) return fail(Errc::closed);
    JST_CHECK(read_turn_ == reactor_.turn(), "read_now outside the turn of its readable");
    JST_CHECK(!into.empty() && into.size() <= runtime::max_spans, "read_now takes 1 to 64 spans");
    std::array<iovec, runtime::max_spans> vectors;
    std::size_t room = 0;
    for (std::size_t i = 0; i < into.size(); ++i) {
        vectors[i] = {into[i].data(), into[i].size()};
        room += into[i].size();
    }
    JST_CHECK(room > 0, "read_now into nothing");
    ssize_t n;
    do n = ::readv(fd(), vectors.data(), static_cast<int>(into.size()));
    while (n < 0 && errno == EINTR);
    if (n == 0) return fail(Errc::end_of_stream);
    const auto got = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    maybe_readable_ = got == room;
    if (n < 0) return fail(net_error(errno));
    return got;
}

void TcpSocket::write_some(runtime::WriteOp& op, std::span<const Bytes> from) {
    JST_CHECK(!from.empty() && from.size() <= runtime::max_spans, "write_some takes 1 to 64 spans");
    JST_CHECK(std::any_of(from.begin(), from.end(), [](Bytes b) { return !b.empty(); }), "write_some of nothing");
    write_.begin(op);
    op.written = 0;
    write_op_ = &op;
    from_ = from;
    if (is_open())
        try_write();
    else
        reactor_.finish(write_, Errc::closed);
}

void TcpSocket::try_write() {
    std::array<iovec, runtime::max_spans> vectors;
    for (std::size_t i = 0; i < from_.size(); ++i) vectors[i] = {const_cast<Byte*>(from_[i].data()), from_[i].size()};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = from_.size();
    ssize_t n;
    do n = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) return watch_write();
    from_ = {};
    if (n > 0) write_op_->written = static_cast<std::size_t>(n);
    reactor_.finish(write_, n > 0 ? Errc::ok : net_error(errno));
}

void TcpSocket::on_writable() {
    if (connect_.outstanding() && !connect_.queued()) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);
        finish_connect(error);
    } else if (write_.outstanding() && !write_.queued()) {
        try_write();
    }
}

void TcpSocket::shutdown_send() noexcept {
    if (is_open()) ::shutdown(fd(), SHUT_WR);
}

void TcpSocket::close(CloseMode mode) noexcept {
    if (!is_open()) return;
    if (mode == CloseMode::abort) {
        reset();
    } else {
        // Bytes that nobody read would make the kernel send RST instead of what is still queued. Best effort: what
        // comes after this still does.
        constexpr std::size_t discarded_at_most = 1 << 20;
        [[maybe_unused]] const auto n = ::recv(fd(), nullptr, discarded_at_most, MSG_TRUNC | MSG_DONTWAIT);
        ::shutdown(fd(), SHUT_WR);
        release();
    }
    cancel();
}

void TcpSocket::cancel() noexcept {
    from_ = {};
    reactor_.cancel(read_);
    reactor_.cancel(write_);
}

void TcpSocket::low_water(std::size_t bytes) noexcept {
    // Every wait re-arms epoll, and the kernel checks this mark then and at every arrival: it works edge-triggered too.
    constexpr std::size_t most = 1 << 20;
    bytes = std::clamp<std::size_t>(bytes, 1, most);
    if (bytes == low_water_ || !is_open()) return;
    low_water_ = bytes;
    set_option(fd(), SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(bytes));
}

void TcpSocket::reset() noexcept {
    if (!is_open()) return;
    const linger now{1, 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    release();
}

void TcpSocket::release() noexcept {
    shut();
    --sockets_.open;
    from_ = {};
}

void TcpSocket::drop() noexcept {
    reset();
    reactor_.forget(connect_);
    reactor_.forget(read_);
    reactor_.forget(write_);
}

}  // namespace jst::runtime_asio
