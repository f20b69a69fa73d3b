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

std::string_view word(LimitedBy cause) noexcept {
    static constexpr std::string_view words[] = {"nothing", "no peers", "choked", "rate limit", "disk", "hashing", "peers"};
    return words[static_cast<std::size_t>(cause)];
}

}  // namespace jst::engine
