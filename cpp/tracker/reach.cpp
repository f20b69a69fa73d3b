#include "tracker/reach.hpp"

namespace jst::tracker {
namespace {

bool is_link_local(const IpAddress& a) noexcept {
    return a.is_v4() ? a.v4_value() >> 16 == 0xA9FE : a.bytes[0] == 0xFE && (a.bytes[1] & 0xC0) == 0x80;
}

// 0.0.0.0/8 reaches this very machine, 240.0.0.0/4 and 255.255.255.255 everybody or nobody.
bool is_nobody(const IpAddress& a) noexcept {
    return a.is_unspecified() || a.is_multicast() ||
           (a.is_v4() && (a.v4_value() >> 24 == 0 || a.v4_value() >> 28 == 15));
}

}  // namespace

bool may_reach(const IpAddress& address, const Url& url, bool redirected_from_global) noexcept {
    if (is_nobody(address)) return false;
    if (address.is_global()) return true;
    if (redirected_from_global) return false;
    if (url.scheme == "udp") return true;
    const auto path = url.path();
    if (address.is_loopback() || is_link_local(address)) return path == "/announce" || path == "/scrape";
    const auto last = path.substr(path.rfind('/') + 1);
    return last.starts_with("announce") || last.starts_with("scrape");
}

bool may_redirect(const Url& from, const Url& to) noexcept {
    return to.scheme == "https" || (to.scheme == "http" && from.scheme == "http");
}

}  // namespace jst::tracker
