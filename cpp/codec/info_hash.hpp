// What names a torrent: the SHA-1 of its info dictionary (BEP 3), the SHA-256 of it (BEP 52), or both (hybrid).
//
// Invariant of every value that leaves this room: at least one of the two is there.
#pragma once

#include <optional>

#include "base/bytes.hpp"

namespace jst::codec {

struct InfoHashes {
    std::optional<Sha1Digest> v1;
    std::optional<Sha256Digest> v2;

    /// BEP 52: on wires with twenty bytes of room a v2 hash is cut to its first twenty.
    std::optional<Sha1Digest> v2_truncated() const noexcept {
        if (!v2) return std::nullopt;
        return Sha1Digest::from(v2->view().first(Sha1Digest::size));
    }
    /// The twenty bytes for handshakes, trackers and the DHT: v1 where there is one, else the cut v2.
    Sha1Digest wire_id() const noexcept { return v1 ? *v1 : v2_truncated().value_or(Sha1Digest{}); }
    /// Whether these twenty bytes of a handshake mean this torrent.
    bool matches(const Sha1Digest& id) const noexcept { return (v1 && *v1 == id) || (v2 && v2_truncated() == id); }
    bool empty() const noexcept { return !v1 && !v2; }

    friend auto operator<=>(const InfoHashes&, const InfoHashes&) noexcept = default;
};

}  // namespace jst::codec
