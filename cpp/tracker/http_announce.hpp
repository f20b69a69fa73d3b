// The announce and the scrape of HTTP trackers (BEP 3, 7, 23, 24, 31, 48): a query on the tracker's URL, a bencoded
// reply.
//
// Pure text and bytes; fetching is somebody else's. A reply of a wrong shape is an Error, a tracker that says no a
// Refusal.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "tracker/announce.hpp"

namespace jst::tracker {

/// More than peers as dictionaries can be in a reply of a megabyte: a large swarm is cut short, not refused.
inline constexpr std::uint32_t max_reply_tokens = 250'000;
inline constexpr std::uint32_t max_reply_depth = 16;

/// The target (path and query) to ask for, given that of the tracker's URL.
std::string announce_target(std::string_view target, const Announce& announce);
Result<AnnounceAnswer> parse_announce_reply(Bytes body);

/// BEP 48: nothing when the last part of the path does not begin with "announce".
std::optional<std::string> scrape_target(std::string_view target, const Sha1Digest& info_hash);
/// Counts are unknown when the reply does not speak of this torrent.
Result<ScrapeAnswer> parse_scrape_reply(Bytes body, const Sha1Digest& info_hash);

}  // namespace jst::tracker
