// The 68 bytes that open a peer connection (BEP 3, "peer protocol"; reserved bits of BEP 5, 6, 10 and 52).
//
// Decides what is a handshake and rejects anything else at its first wrong byte. Knows no torrents: whether the
// info-hash is served here is the listener's question, which it can ask after the preamble (48 bytes), because a peer
// may hold back its id until it has seen ours.
// Invariants: 1. the parser never takes a byte after the 68th; 2. a failed parser stays failed with the same error.
#pragma once

#include <array>

#include "base/bytes.hpp"

namespace jst::wire {

inline constexpr std::size_t handshake_size = 68;
inline constexpr std::size_t preamble_size = 48;
inline constexpr std::string_view protocol_name = "BitTorrent protocol";

/// The eight reserved bytes: what the peer says it can do.
struct Reserved {
    std::array<Byte, 8> bytes{};

    bool dht() const noexcept { return (bytes[7] & 0x01) != 0; }
    bool fast() const noexcept { return (bytes[7] & 0x04) != 0; }
    bool v2() const noexcept { return (bytes[7] & 0x10) != 0; }
    bool extended() const noexcept { return (bytes[5] & 0x10) != 0; }
    Reserved& set_dht() noexcept { return bytes[7] |= 0x01, *this; }
    Reserved& set_fast() noexcept { return bytes[7] |= 0x04, *this; }
    Reserved& set_v2() noexcept { return bytes[7] |= 0x10, *this; }
    Reserved& set_extended() noexcept { return bytes[5] |= 0x10, *this; }

    friend bool operator==(const Reserved&, const Reserved&) = default;
};

/// All that is known before the peer id arrives.
struct HandshakePreamble {
    Reserved reserved;
    Sha1Digest info_hash;  // of a v2 torrent: the first 20 bytes of its SHA-256

    friend bool operator==(const HandshakePreamble&, const HandshakePreamble&) = default;
};

struct Handshake {
    Reserved reserved;
    Sha1Digest info_hash;
    PeerId peer_id;

    std::array<Byte, handshake_size> encode() const noexcept;
    friend bool operator==(const Handshake&, const Handshake&) = default;
};

class HandshakeParser {
  public:
    /// Takes what belongs to the handshake and returns how much that was; Errc::bad_handshake at the offset of the
    /// first wrong byte.
    Result<std::size_t> take(Bytes in) noexcept;
    std::size_t size() const noexcept { return size_; }
    bool has_preamble() const noexcept { return size_ >= preamble_size; }
    bool complete() const noexcept { return size_ == handshake_size; }
    /// Only when has_preamble() or complete().
    HandshakePreamble preamble() const;
    Handshake handshake() const;

  private:
    std::array<Byte, handshake_size> bytes_{};
    std::uint8_t size_ = 0;
    bool failed_ = false;
};

}  // namespace jst::wire
