#include "codec/host_port.hpp"

#include <charconv>

namespace jst::codec {
namespace {

constexpr std::size_t max_host = 253;  // RFC 1035 2.3.4, as text

bool host_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

bool good_name(std::string_view host) noexcept {
    for (const char c : host)
        if (!host_character(c)) return false;
    return true;
}

bool good_v6(std::string_view host) noexcept {
    for (const char c : host)
        if (!host_character(c) && c != ':') return false;
    return host.find(':') != std::string_view::npos;
}

}  // namespace

Result<HostPort> HostPort::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return fail(Errc::bad_address, text.size());
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.size() > max_host || !(bracketed ? good_v6(host) : good_name(host))) return fail(Errc::bad_address, 0);
    const auto digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (ec != std::errc{} || end != digits.data() + digits.size() || port == 0)
        return fail(Errc::bad_address, colon + 1);
    return HostPort{std::string(host), port};
}

std::string HostPort::to_string() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace jst::codec
