// One question to one tracker, and what came of it: values between announcers and Inquiries.
#pragma once

#include <string>

#include "base/endpoint.hpp"
#include "base/slot_map.hpp"
#include "base/time.hpp"
#include "tracker/announce.hpp"

namespace jst::engine {

enum class InquiryKind : std::uint8_t {
    announce,
    scrape,
    goodbye,  // `stopped`: nobody waits for the answer, and the torrent may be gone
};

/// 0 is none. Never reused within a session.
using InquiryId = std::uint64_t;

struct Inquiry {
    InquiryKind kind = InquiryKind::announce;
    TorrentKey torrent;
    std::uint32_t torrent_number = 0;
    std::string url;
    tracker::Announce announce;  // of an announce: filled in when it is sent
};

struct InquiryAnswer {
    Result<tracker::AnnounceAnswer> answer;
    std::string failure;  // what went wrong, when there is no answer
    Endpoint from;
};

}  // namespace jst::engine
