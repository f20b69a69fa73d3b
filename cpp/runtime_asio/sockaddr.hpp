// Endpoints as the kernel's socket addresses and back. IPv4 uses AF_INET sockets, never mapped addresses on the wire.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/endpoint.hpp"

namespace jst::runtime_asio {

struct SockAddr {
    sockaddr_storage storage{};
    socklen_t length = sizeof(sockaddr_storage);

    SockAddr() = default;
    explicit SockAddr(const Endpoint& endpoint) noexcept;
    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
    Endpoint endpoint() const noexcept;
};

inline int family_of(const IpAddress& address) noexcept { return address.is_v4() ? AF_INET : AF_INET6; }
/// Non-blocking and closed on exec; -1 and errno on failure. IPv6 sockets carry IPv6 only.
int open_socket(int family, int type) noexcept;
Endpoint local_of(int fd) noexcept;
Endpoint remote_of(int fd) noexcept;
void set_option(int fd, int level, int name, int value) noexcept;

}  // namespace jst::runtime_asio
