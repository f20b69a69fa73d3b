#include "codec/url_check.hpp"

#include <algorithm>
#include <array>

#include "codec/percent.hpp"

namespace jst::codec {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

template <std::size_t N>
bool any_of(std::string_view word, const std::array<std::string_view, N>& words) noexcept {
    return std::any_of(words.begin(), words.end(), [&](std::string_view other) { return same_word(word, other); });
}

constexpr std::array<std::string_view, 5> tracker_schemes{"http", "https", "udp", "ws", "wss"};
constexpr std::array<std::string_view, 2> web_seed_schemes{"http", "https"};
// What an announce says of us. A torrent that brings these along wants us to make a request of its own choosing.
constexpr std::array<std::string_view, 8> announce_words{"info_hash", "peer_id",    "event",    "port",
                                                         "left",      "downloaded", "uploaded", "corrupt"};

template <std::size_t N>
bool is_url(std::string_view url, std::size_t max_size, const std::array<std::string_view, N>& schemes) noexcept {
    if (url.size() > max_size) return false;
    // Others are never asked; some are no text that can be shown, and some steer a terminal.
    for (const char c : url)
        if (c <= 0x20 || c >= 0x7F) return false;
    const auto colon = url.find("://");
    if (colon == std::string_view::npos || !any_of(url.substr(0, colon), schemes)) return false;
    const auto host = url.substr(colon + 3);
    return !host.empty() && host.find_first_of("/?#") != 0;
}

bool speaks_for_us(std::string_view url) {
    auto question = url.find('?');
    if (question == std::string_view::npos) return false;
    auto query = url.substr(question + 1);
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto parameter = query.substr(0, end);
        const auto name = percent_decode(parameter.substr(0, parameter.find('=')));
        if (any_of(name, announce_words)) return true;
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return false;
}

}  // namespace

bool is_tracker_url(std::string_view url, std::size_t max_size) {
    return is_url(url, max_size, tracker_schemes) && !speaks_for_us(url);
}

bool is_web_seed_url(std::string_view url, std::size_t max_size) noexcept {
    return is_url(url, max_size, web_seed_schemes);
}

}  // namespace jst::codec
