// A host as text, name or address, with a port: what links and torrents carry before anything is resolved.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace jst::codec {

struct HostPort {
    std::string host;  ///< without brackets, never empty
    std::uint16_t port = 0;

    /// "name:80", "1.2.3.4:80" or "[::1]:80"; port 1 to 65535. Errc::bad_address otherwise.
    static Result<HostPort> parse(std::string_view text);
    std::string to_string() const;

    friend auto operator<=>(const HostPort&, const HostPort&) = default;
};

}  // namespace jst::codec
