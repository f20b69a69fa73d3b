// What a client tells a tracker and what it hears back, whatever the protocol (BEP 3, 7, 15, 23, 24, 31).
//
// Values and their limits only: every number from a tracker is brought into range here, before anybody acts on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace jst::tracker {

inline constexpr Duration default_interval = seconds(1800);  // when a tracker names none
inline constexpr Duration least_interval = seconds(60);
inline constexpr Duration most_interval = seconds(86400);
inline constexpr Duration least_retry = seconds(60);  // what "retry in" may ask for
inline constexpr std::size_t max_reply_peers = 2000;  // more are left out
inline constexpr std::size_t max_message = 512;       // characters of a failure or warning; the rest is cut
inline constexpr std::size_t max_tracker_id = 256;    // a longer one is not sent back
inline constexpr std::uint32_t default_num_want = 80;

/// Numbered as in BEP 15.
enum class AnnounceEvent : std::uint8_t { none = 0, completed = 1, started = 2, stopped = 3 };
std::string_view word(AnnounceEvent event) noexcept;

struct Announce {
    Sha1Digest info_hash;
    PeerId peer_id;
    std::uint64_t downloaded = 0;  // since `started`
    std::uint64_t left = 0;
    std::uint64_t uploaded = 0;
    AnnounceEvent event = AnnounceEvent::none;
    std::uint32_t key = 0;  // tells the tracker who we are when our address changes
    std::uint32_t num_want = default_num_want;
    std::uint16_t port = 0;
    std::optional<IpAddress> ipv6;  // another address of ours (BEP 7)
    std::string tracker_id;         // what the tracker called us
};

/// How many have the torrent, and how many want it.
struct Counts {
    std::optional<std::uint32_t> seeds;
    std::optional<std::uint32_t> leechers;
};

struct AnnounceReply {
    std::vector<Endpoint> peers;
    Duration interval = default_interval;
    std::optional<Duration> min_interval;
    Counts counts;
    std::string warning;
    std::string tracker_id;
    std::optional<IpAddress> external_ip;
};

/// The tracker answered, and said no.
struct Refusal {
    std::string reason;
    std::optional<Duration> retry_in;  // BEP 31
    bool never = false;                // BEP 31: do not come back
};

using AnnounceAnswer = std::variant<AnnounceReply, Refusal>;
using ScrapeAnswer = std::variant<Counts, Refusal>;

/// Seconds from a tracker, brought between least_interval and most_interval.
Duration clamp_interval(std::int64_t from_tracker) noexcept;
/// Text from a tracker as it may be shown: UTF-8, nothing that steers a terminal, at most max_message characters and a
/// mark.
std::string clean_message(Bytes from_tracker);
/// A count from a tracker; nothing for a negative one.
std::optional<std::uint32_t> clean_count(std::int64_t from_tracker) noexcept;
/// Compact peers: runs of 6 bytes, or of 18 for IPv6. A rest that is no whole record is ignored.
void read_compact(Bytes records, bool v6, std::vector<Endpoint>& out);

}  // namespace jst::tracker
