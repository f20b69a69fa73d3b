#include "tracker/announce.hpp"

#include <algorithm>

#include "codec/utf8.hpp"

namespace jst::tracker {

std::string_view word(AnnounceEvent event) noexcept {
    static constexpr std::string_view words[] = {"", "completed", "started", "stopped"};
    return words[static_cast<std::size_t>(event)];
}

Duration clamp_interval(std::int64_t from_tracker) noexcept {
    constexpr std::int64_t most = most_interval.ns / seconds(1).ns;
    return std::clamp(seconds(std::clamp<std::int64_t>(from_tracker, 0, most)), least_interval, most_interval);
}

std::string clean_message(Bytes from_tracker) {
    const bool cut = from_tracker.size() > max_message;
    std::string out = codec::showable_utf8(as_text(from_tracker.first(std::min(from_tracker.size(), max_message))));
    if (cut) out += "...";
    return out;
}

std::optional<std::uint32_t> clean_count(std::int64_t from_tracker) noexcept {
    if (from_tracker < 0) return std::nullopt;
    return static_cast<std::uint32_t>(std::min<std::int64_t>(from_tracker, 0xFFFFFFFF));
}

void read_compact(Bytes records, bool v6, std::vector<Endpoint>& out) {
    ByteReader in(records);
    const std::size_t size = v6 ? 18 : 6;
    while (in.remaining() >= size && out.size() < max_reply_peers) {
        const IpAddress host = v6 ? IpAddress::v6(*in.take(16)) : IpAddress::v4(*in.u32());
        out.push_back({host, *in.u16()});
    }
}

}  // namespace jst::tracker
