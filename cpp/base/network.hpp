// A block of IP addresses in CIDR notation: "10.0.0.0/8", "2001:db8::/32", or one address. No IPv6 block holds an IPv4
// address, not even "::/0". And what counts as one host where hosts are counted.
#pragma once

#include <string_view>

#include "base/endpoint.hpp"

namespace jst {

struct Network {
    IpAddress base;
    int bits = 128;  // of the 128; an IPv4 network of n bits has 96 + n

    static Result<Network> parse(std::string_view text);
    bool contains(const IpAddress& host) const noexcept;

    friend bool operator==(const Network&, const Network&) = default;
};

/// An IPv4 address itself; of an IPv6 one the network of 64 bits: what one subscriber has.
IpAddress one_host(IpAddress host) noexcept;

}  // namespace jst
