// Which URLs of a torrent or link are worth keeping: known scheme, a host, nothing hidden in them, not too long.
#pragma once

#include <string_view>

namespace jst::codec {

/// http, https, udp, ws or wss; no query that would speak for us to the tracker (info_hash=, event=, peer_id= ...).
bool is_tracker_url(std::string_view url, std::size_t max_size);
/// http or https.
bool is_web_seed_url(std::string_view url, std::size_t max_size) noexcept;

}  // namespace jst::codec
