// Any bytes as what a tracker sends: HTTP bodies, a URL to go on to, and UDP packets with our transaction id put in.
#include <algorithm>
#include <cstdlib>

#include "base/url.hpp"
#include "tracker/http_announce.hpp"
#include "tracker/udp_announce.hpp"

using namespace jst;

namespace {

void check(const tracker::AnnounceAnswer& answer) {
    if (const auto* reply = std::get_if<tracker::AnnounceReply>(&answer)) {
        if (reply->peers.size() > tracker::max_reply_peers) std::abort();
        if (reply->interval < tracker::least_interval || reply->interval > tracker::most_interval) std::abort();
        if (reply->min_interval && *reply->min_interval > reply->interval) std::abort();
    }
}

void check_url(std::string_view text) {
    static const Url base = *Url::parse("http://a/b/c?d");
    const auto url = base.resolve(text);
    if (!url) return;
    const auto again = Url::parse(url->to_string());
    if (url->target.front() != '/' || (url->to_string().size() <= max_url_size && (!again || *again != *url)))
        std::abort();
}

// The first byte says where the packet goes; bytes 4 to 7 of it become our transaction id.
void check_udp(Bytes input) {
    tracker::UdpAnnounce udp({}, "/x", (input[0] & 1) != 0, std::nullopt, Prng(1));
    udp.start(Time{});
    auto asked = *udp.next_datagram();
    const auto put = [&](ByteVector packet) {
        if (packet.size() >= 8) std::copy_n(asked.begin() + 12, 4, packet.begin() + 4);
        udp.receive(packet, Time{});
        if (auto next = udp.next_datagram()) asked = std::move(*next);
    };
    if ((input[0] & 2) != 0) put(ByteVector(16));
    put(to_vector(input.subspan(1)));
    if (udp.is_done() && udp.answer()) check(*udp.answer());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Bytes input{data, size};
    if (const auto answer = tracker::parse_announce_reply(input)) check(*answer);
    static_cast<void>(tracker::parse_scrape_reply(input, Sha1Digest{}));
    check_url(as_text(input));
    check_udp(input);
    return 0;
}
