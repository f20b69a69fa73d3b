#include "runtime_asio/udp.hpp"

#include <linux/errqueue.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime_asio/errors.hpp"
#include "runtime_asio/sockaddr.hpp"

namespace jst::runtime_asio {
namespace {

constexpr std::size_t batch_size = 32;

// The arrays of one recvmmsg or sendmmsg.
struct Batch {
    std::array<mmsghdr, batch_size> messages{};
    std::array<iovec, batch_size> data{};
    std::array<SockAddr, batch_size> peers;

    void set(std::size_t i, MutableBytes bytes) noexcept {
        data[i] = {bytes.data(), bytes.size()};
        auto& header = messages[i].msg_hdr;
        header.msg_name = &peers[i].storage;
        header.msg_namelen = peers[i].length;
        header.msg_iov = &data[i];
        header.msg_iovlen = 1;
    }
};

// What became of a datagram of ours, as ICMP says; ok when it says something else, or the kernel says it of itself.
Errc icmp_error(const msghdr& header) noexcept {
    for (const cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr;
         at = CMSG_NXTHDR(const_cast<msghdr*>(&header), const_cast<cmsghdr*>(at))) {
        const bool v4 = at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR;
        const bool v6 = at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR;
        if (!v4 && !v6) continue;
        sock_extended_err told{};
        std::memcpy(&told, CMSG_DATA(at), sizeof told);
        if (told.ee_origin != SO_EE_ORIGIN_ICMP && told.ee_origin != SO_EE_ORIGIN_ICMP6) return Errc::ok;
        const auto error = net_error(static_cast<int>(told.ee_errno));
        const bool away =
            error == Errc::connection_refused || error == Errc::host_unreachable || error == Errc::network_unreachable;
        return away ? error : Errc::ok;
    }
    return Errc::ok;
}

}  // namespace

Result<void> DatagramSocket::open(const Endpoint& at) {
    if (sockets_.full()) return fail(Errc::too_many_sockets);
    const int fd = open_socket(family_of(at.host), SOCK_DGRAM);
    if (fd < 0) return fail(net_error(errno));
    if (at.host.is_v4())
        set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
    else
        set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
    const SockAddr address(at);
    if (::bind(fd, address.get(), address.length) != 0) {
        const auto error = net_error(errno);
        ::close(fd);
        return fail(error);
    }
    local_ = local_of(fd);
    if (!adopt(fd)) return fail(Errc::too_many_sockets);
    ++sockets_.open;
    return {};
}

void DatagramSocket::readable(runtime::ReadableOp& op) {
    read_.begin(op);
    if (!is_open())
        reactor_.finish(read_, Errc::closed);
    else if (maybe_readable_)
        reactor_.finish(read_, Errc::ok);
    else
        watch_read();
}

void DatagramSocket::on_readable() {
    maybe_readable_ = true;
    reactor_.finish(read_, Errc::ok);
}

Result<std::size_t> DatagramSocket::receive_now(std::span<runtime::Datagram> into) {
    if (!is_open()) return fail(Errc::closed);
    JST_CHECK(read_turn_ == reactor_.turn(), "receive_now outside the turn of its readable");
    const auto most = std::min(into.size(), batch_size);
    JST_CHECK(most > 0, "receive_now into nothing");
    const std::size_t errors = receive_errors(into.first(most));
    into = into.subspan(errors, most - errors);
    maybe_readable_ = true;
    if (into.empty()) return errors;
    Batch batch;
    for (std::size_t i = 0; i < into.size(); ++i) batch.set(i, into[i].data);
    int n;
    do n = ::recvmmsg(fd(), batch.messages.data(), static_cast<unsigned>(into.size()), 0, nullptr);
    while (n < 0 && errno == EINTR);
    maybe_readable_ = n == static_cast<int>(into.size());
    if (n < 0 && errors == 0) return fail(net_error(errno));
    for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t>(n); ++i) {
        into[i].peer = batch.peers[i].endpoint();
        into[i].data = into[i].data.first(batch.messages[i].msg_len);
        into[i].error = Errc::ok;
    }
    return errors + static_cast<std::size_t>(std::max(n, 0));
}

std::size_t DatagramSocket::receive_errors(std::span<runtime::Datagram> into) {
    std::size_t count = 0;
    while (count < into.size()) {
        SockAddr peer;
        alignas(cmsghdr) std::array<Byte, 512> control;
        msghdr header{};
        header.msg_name = &peer.storage;
        header.msg_namelen = sizeof peer.storage;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        const auto n = ::recvmsg(fd(), &header, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        const Errc error = icmp_error(header);
        if (error == Errc::ok) continue;
        into[count].peer = peer.endpoint();
        into[count].data = {};
        into[count++].error = error;
    }
    return count;
}

std::size_t DatagramSocket::send_some(std::span<const runtime::Datagram> wanted) {
    Batch batch;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        batch.peers[i] = SockAddr(wanted[i].peer);
        batch.set(i, wanted[i].data);
    }
    std::size_t sent = 0;
    std::size_t at = 0;
    bool was_told = false;
    while (at < wanted.size()) {
        const int n = ::sendmmsg(fd(), &batch.messages[at], static_cast<unsigned>(wanted.size() - at), MSG_NOSIGNAL);
        if (n > 0) {
            at += static_cast<std::size_t>(n);
            sent += static_cast<std::size_t>(n);
            was_told = false;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            break;
        } else if (errno != EINTR && std::exchange(was_told, !was_told)) {
            ++at;  // the first time it may be the error of an earlier one; this one can not be sent, the others may
        }
    }
    return sent;
}

std::size_t DatagramSocket::send_now(std::span<const runtime::Datagram> batch) {
    std::size_t sent = 0;
    while (is_open() && !batch.empty()) {
        const auto n = std::min(batch.size(), batch_size);
        sent += send_some(batch.first(n));
        batch = batch.subspan(n);
    }
    return sent;
}

void DatagramSocket::close() noexcept {
    release();
    reactor_.cancel(read_);
}

void DatagramSocket::drop() noexcept {
    release();
    reactor_.forget(read_);
}

void DatagramSocket::release() noexcept {
    if (!is_open()) return;
    shut();
    --sockets_.open;
}

}  // namespace jst::runtime_asio
