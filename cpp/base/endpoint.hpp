// An IP address with a port; the only address type of the engine. Names are resolved by the runtime.
//
// IPv4 is kept as the IPv4-mapped IPv6 address, so that ::ffff:1.2.3.4 and 1.2.3.4 are one host.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace jst {

struct IpAddress {
    std::array<Byte, 16> bytes{};

    static IpAddress v4(std::uint32_t host_order) noexcept;
    static IpAddress v6(Bytes sixteen) noexcept;
    /// Strict dotted quad or RFC 4291 text; no names, no zone, no octal.
    static Result<IpAddress> parse(std::string_view text);

    bool is_v4() const noexcept;
    std::uint32_t v4_value() const noexcept;  // host order; only when is_v4()
    bool is_unspecified() const noexcept;
    bool is_loopback() const noexcept;
    bool is_multicast() const noexcept;
    /// Reachable over the public Internet: not loopback, private, link-local, shared, documentation, multicast.
    bool is_global() const noexcept;
    std::string to_string() const;

    friend auto operator<=>(const IpAddress&, const IpAddress&) noexcept = default;
};

struct Endpoint {
    IpAddress host;
    std::uint16_t port = 0;

    /// "1.2.3.4:6881" or "[::1]:6881".
    static Result<Endpoint> parse(std::string_view text);
    std::string to_string() const;

    friend auto operator<=>(const Endpoint&, const Endpoint&) noexcept = default;
};

}  // namespace jst
