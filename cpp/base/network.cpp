#include "base/network.hpp"

#include <algorithm>
#include <charconv>

namespace jst {

Result<Network> Network::parse(std::string_view text) {
    const auto slash = text.find('/');
    JST_TRY(base, IpAddress::parse(text.substr(0, slash)));
    if (slash == std::string_view::npos) return Network{base, 128};
    const auto digits = text.substr(slash + 1);
    int bits = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    const int most = base.is_v4() ? 32 : 128;
    if (ec != std::errc{} || end != digits.data() + digits.size() || bits < 0 || bits > most)
        return fail(Errc::bad_address, slash + 1);
    return Network{base, base.is_v4() ? 96 + bits : bits};
}

bool Network::contains(const IpAddress& host) const noexcept {
    if (host.is_v4() && bits < 96) return false;
    for (int i = 0; i < bits; i += 8) {
        const auto at = static_cast<std::size_t>(i / 8);
        const Byte mask = bits - i >= 8 ? Byte{0xFF} : static_cast<Byte>(0xFF00u >> (bits - i));
        if (((base.bytes[at] ^ host.bytes[at]) & mask) != 0) return false;
    }
    return true;
}

IpAddress one_host(IpAddress host) noexcept {
    constexpr std::size_t network_bytes = 8;
    if (!host.is_v4()) std::fill(host.bytes.begin() + network_bytes, host.bytes.end(), Byte{0});
    return host;
}

}  // namespace jst
