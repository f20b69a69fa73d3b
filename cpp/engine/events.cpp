#include "engine/events.hpp"

namespace jst::engine {

std::string_view word(State state) noexcept {
    static constexpr std::string_view words[] = {"queued",  "checking", "fetching_metadata", "downloading", "stalled",
                                                 "seeding", "paused",   "stopped",           "error",       "removed"};
    return words[static_cast<std::size_t>(state)];
}

std::string_view word(CloseReason reason) noexcept {
    static constexpr std::string_view words[] = {
        "closed",   "reset",           "connect_failed", "connect_timeout", "handshake_timeout",
        "inactive", "protocol_error",  "bad_data",       "banned",          "duplicate",
        "self",     "unknown_torrent", "limit",          "replaced",        "both_seeds",
        "useless",  "paused",          "stopped",        "removed",         "shutdown"};
    return words[static_cast<std::size_t>(reason)];
}

}  // namespace jst::engine
