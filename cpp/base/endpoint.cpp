#include "base/endpoint.hpp"

#include <algorithm>
#include <charconv>

namespace jst {
namespace {

constexpr std::array<Byte, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

Result<std::uint32_t> parse_v4(std::string_view text) {
    std::uint32_t value = 0;
    std::size_t at = 0;
    for (int part = 0; part < 4; ++part) {
        if (part > 0 && (at >= text.size() || text[at++] != '.')) return fail(Errc::bad_address, at);
        std::uint32_t octet = 0;
        const auto [end, ec] = std::from_chars(text.data() + at, text.data() + text.size(), octet);
        const auto digits = static_cast<std::size_t>(end - (text.data() + at));
        if (ec != std::errc{} || digits > 3 || octet > 255 || (digits > 1 && text[at] == '0'))
            return fail(Errc::bad_address, at);
        at += digits;
        value = value << 8 | octet;
    }
    if (at != text.size()) return fail(Errc::bad_address, at);
    return value;
}

// RFC 4291 2.2: up to eight groups, one "::", an IPv4 tail allowed.
Result<IpAddress> parse_v6(std::string_view text) {
    std::array<std::uint16_t, 8> groups{};
    std::size_t count = 0;
    std::size_t gap = 9;
    std::size_t at = 0;
    if (text.starts_with("::")) {
        gap = 0;
        at = 2;
    }
    while (at < text.size()) {
        const auto end = std::min(text.find(':', at), text.size());
        const auto part = text.substr(at, end - at);
        if (count >= 8) return fail(Errc::bad_address, at);
        if (part.find('.') != std::string_view::npos) {
            const auto tail = parse_v4(part);
            if (!tail || end != text.size() || count > 6) return fail(Errc::bad_address, at);
            groups[count++] = static_cast<std::uint16_t>(*tail >> 16);
            groups[count++] = static_cast<std::uint16_t>(*tail & 0xFFFF);
            at = end;
            break;
        }
        std::uint16_t group = 0;
        const auto [stop, ec] = std::from_chars(part.data(), part.data() + part.size(), group, 16);
        if (ec != std::errc{} || part.size() > 4 || stop != part.data() + part.size())
            return fail(Errc::bad_address, at);
        groups[count++] = group;
        at = end;
        if (at == text.size()) break;
        ++at;
        if (at < text.size() && text[at] == ':') {
            if (gap != 9) return fail(Errc::bad_address, at);
            gap = count;
            ++at;
        } else if (at == text.size()) {
            return fail(Errc::bad_address, at);
        }
    }
    if (gap == 9 ? count != 8 : count > 7) return fail(Errc::bad_address, at);
    IpAddress out;
    const std::size_t skip = 8 - count;
    for (std::size_t i = 0; i < count; ++i) store_be(out.bytes.data() + 2 * (i < gap ? i : i + skip), groups[i]);
    return out;
}

bool within(std::uint32_t value, std::uint32_t network, int bits) noexcept {
    return (value ^ network) >> (32 - bits) == 0;
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) noexcept {
    IpAddress out;
    std::copy(v4_prefix.begin(), v4_prefix.end(), out.bytes.begin());
    store_be(out.bytes.data() + 12, host_order);
    return out;
}

IpAddress IpAddress::v6(Bytes sixteen) noexcept {
    IpAddress out;
    std::copy_n(sixteen.begin(), std::min<std::size_t>(sixteen.size(), 16), out.bytes.begin());
    return out;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.find(':') != std::string_view::npos) return parse_v6(text);
    JST_TRY(value, parse_v4(text));
    return v4(value);
}

bool IpAddress::is_v4() const noexcept { return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes.begin()); }
std::uint32_t IpAddress::v4_value() const noexcept { return load_be<std::uint32_t>(bytes.data() + 12); }

bool IpAddress::is_unspecified() const noexcept {
    return is_v4() ? v4_value() == 0 : std::all_of(bytes.begin(), bytes.end(), [](Byte b) { return b == 0; });
}

bool IpAddress::is_loopback() const noexcept {
    if (is_v4()) return within(v4_value(), 0x7F000000, 8);
    return bytes[15] == 1 && std::all_of(bytes.begin(), bytes.end() - 1, [](Byte b) { return b == 0; });
}

bool IpAddress::is_multicast() const noexcept { return is_v4() ? within(v4_value(), 0xE0000000, 4) : bytes[0] == 0xFF; }

bool IpAddress::is_global() const noexcept {
    if (is_unspecified() || is_loopback() || is_multicast()) return false;
    if (!is_v4()) {
        const bool documentation = bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0D && bytes[3] == 0xB8;
        return (bytes[0] & 0xE0) == 0x20 && !documentation;
    }
    struct Range {
        std::uint32_t network;
        int bits;
    };
    static constexpr Range not_global[] = {
        {0x00000000, 8},  {0x0A000000, 8},  {0x64400000, 10}, {0xA9FE0000, 16}, {0xAC100000, 12}, {0xC0000000, 24},
        {0xC0000200, 24}, {0xC0A80000, 16}, {0xC6120000, 15}, {0xC6336400, 24}, {0xCB007100, 24}, {0xF0000000, 4},
    };
    return std::none_of(std::begin(not_global), std::end(not_global),
                        [value = v4_value()](const Range& r) { return within(value, r.network, r.bits); });
}

std::string IpAddress::to_string() const {
    if (is_v4()) {
        const std::uint32_t v = v4_value();
        return std::to_string(v >> 24) + '.' + std::to_string(v >> 16 & 255) + '.' + std::to_string(v >> 8 & 255) +
               '.' + std::to_string(v & 255);
    }
    // RFC 5952: the longest run of two or more zero groups becomes "::".
    std::array<std::uint16_t, 8> groups;
    for (std::size_t i = 0; i < 8; ++i) groups[i] = load_be<std::uint16_t>(bytes.data() + 2 * i);
    std::size_t best = 8;
    std::size_t longest = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t run = 0;
        while (i + run < 8 && groups[i + run] == 0) ++run;
        if (run > longest) {
            best = i;
            longest = run;
        }
    }
    std::string out;
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == best) {
            out += "::";
            i += longest - 1;
            continue;
        }
        if (!out.empty() && out.back() != ':') out += ':';
        char digits[4];
        const auto end = std::to_chars(digits, digits + 4, groups[i], 16).ptr;
        out.append(digits, end);
    }
    return out;
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail(Errc::bad_address, text.size());
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (bracketed != (host.find(':') != std::string_view::npos)) return fail(Errc::bad_address, 0);
    const auto digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (ec != std::errc{} || end != digits.data() + digits.size()) return fail(Errc::bad_address, colon + 1);
    JST_TRY(address, IpAddress::parse(host));
    return Endpoint{address, port};
}

std::string Endpoint::to_string() const {
    const auto name = host.to_string();
    return (host.is_v4() ? name : '[' + name + ']') + ':' + std::to_string(port);
}

}  // namespace jst
