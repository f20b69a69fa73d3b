#include "runtime_asio/sockaddr.hpp"

#include <cstring>

namespace jst::runtime_asio {

SockAddr::SockAddr(const Endpoint& endpoint) noexcept {
    if (endpoint.host.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        v4.sin_addr.s_addr = htonl(endpoint.host.v4_value());
        std::memcpy(&storage, &v4, sizeof v4);
        length = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        std::memcpy(&v6.sin6_addr, endpoint.host.bytes.data(), 16);
        std::memcpy(&storage, &v6, sizeof v6);
        length = sizeof v6;
    }
}

Endpoint SockAddr::endpoint() const noexcept {
    if (storage.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &storage, sizeof v4);
        return {IpAddress::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
    }
    if (storage.ss_family != AF_INET6) return {};
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    return {IpAddress::v6({v6.sin6_addr.s6_addr, 16}), ntohs(v6.sin6_port)};
}

int open_socket(int family, int type) noexcept {
    const int fd = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    return fd;
}

Endpoint local_of(int fd) noexcept {
    SockAddr at;
    return ::getsockname(fd, at.get(), &at.length) == 0 ? at.endpoint() : Endpoint{};
}

Endpoint remote_of(int fd) noexcept {
    SockAddr at;
    return ::getpeername(fd, at.get(), &at.length) == 0 ? at.endpoint() : Endpoint{};
}

void set_option(int fd, int level, int name, int value) noexcept {
    ::setsockopt(fd, level, name, &value, sizeof value);
}

}  // namespace jst::runtime_asio
