// A URL taken apart (RFC 3986): what is dialled, what is asked for, and how a redirect changes both.
//
// Only ASCII without blanks, a host (name or literal address) and a port; no normalisation: what is asked for is what
// was written. Does not know what a scheme means beyond its usual port, and resolves no names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace jst {

inline constexpr std::size_t max_url_size = 4096;
inline constexpr std::size_t max_host_name = 253;

struct Url {
    std::string scheme;     // lower case
    std::string user_info;  // as written, without the '@'
    std::string host;       // lower case, without brackets
    std::uint16_t port = 0;
    std::string target;  // from the first '/' of the path, with the query, without the fragment

    /// Errc::bad_url. A scheme without a usual port (udp) must name one.
    static Result<Url> parse(std::string_view text);
    /// What a Location says when it came from here (RFC 3986 5.2); the user information never goes along.
    Result<Url> resolve(std::string_view reference) const;

    std::string_view path() const noexcept;
    /// Without the '?'.
    std::string_view query() const noexcept;
    /// Host and, unless it is the usual one, port: for a Host field.
    std::string authority() const;
    /// Without user information, so that it may be shown.
    std::string to_string() const;

    friend bool operator==(const Url&, const Url&) = default;
};

}  // namespace jst
