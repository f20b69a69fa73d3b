#include "engine/stats.hpp"

namespace jst::engine {

Counters& Counters::operator+=(const Counters& other) noexcept {
    payload_received += other.payload_received;
    payload_verified += other.payload_verified;
    payload_failed += other.payload_failed;
    payload_redundant += other.payload_redundant;
    payload_discarded += other.payload_discarded;
    payload_partial += other.payload_partial;
    payload_sent += other.payload_sent;
    wire_received += other.wire_received;
    wire_sent += other.wire_sent;
    pieces_failed += other.pieces_failed;
    return *this;
}

storage::SavedTotals totals_of(const Counters& c, const RunningTime& times) noexcept {
    storage::SavedTotals t;
    t.payload_received = c.payload_received - c.payload_partial;
    t.payload_verified = c.payload_verified;
    t.payload_failed = c.payload_failed;
    t.payload_redundant = c.payload_redundant;
    t.payload_discarded = c.payload_discarded;
    t.payload_sent = c.payload_sent;
    t.wire_received = c.wire_received;
    t.wire_sent = c.wire_sent;
    t.pieces_failed = c.pieces_failed;
    t.active_ns = static_cast<std::uint64_t>(times.active.ns);
    t.seeding_ns = static_cast<std::uint64_t>(times.seeding.ns);
    return t;
}

Counters counters_of(const storage::SavedTotals& t) noexcept {
    Counters c;
    c.payload_received = t.payload_received;
    c.payload_verified = t.payload_verified;
    c.payload_failed = t.payload_failed;
    c.payload_redundant = t.payload_redundant;
    c.payload_discarded = t.payload_discarded;
    c.payload_sent = t.payload_sent;
    c.wire_received = t.wire_received;
    c.wire_sent = t.wire_sent;
    c.pieces_failed = t.pieces_failed;
    return c;
}

std::string_view word(LimitedBy cause) noexcept {
    static constexpr std::string_view words[] = {"nothing", "no peers", "choked", "rate limit",
                                                 "disk",    "hashing",  "peers"};
    return words[static_cast<std::size_t>(cause)];
}

}  // namespace jst::engine
