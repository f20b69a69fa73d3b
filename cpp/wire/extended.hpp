// The extension protocol's handshake (BEP 10; `upload_only` BEP 21; `metadata_size` BEP 9; ids of BEP 9, 11, 21, 54).
//
// Decides what of a peer's dictionary is believed: each field alone is clamped or dropped, so that one silly field does
// not cost the rest; only a payload that is no dictionary is an error. A peer may send it again: the later one adds.
// Invariants: 1. ids given out by us are fixed and below 32; 2. nothing kept from a handshake is longer than its limit.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace jst::wire {

inline constexpr std::uint32_t max_reqq = 1u << 16;
inline constexpr std::uint32_t max_advertised_metadata = 64u << 20;
inline constexpr std::size_t max_client_name = 64;
inline constexpr Byte extended_handshake_id = 0;

enum class Extension : std::uint8_t { ut_metadata, ut_pex, upload_only, lt_donthave };
inline constexpr std::size_t extension_count = 4;

std::string_view name_of(Extension extension) noexcept;
/// The id that we give out for it: what a peer writes into messages to us.
constexpr Byte our_id(Extension extension) noexcept { return static_cast<Byte>(static_cast<Byte>(extension) + 1); }
/// Which of ours a received sub-id means.
std::optional<Extension> extension_of(Byte id) noexcept;

struct ExtendedHandshake {
    /// Absent: not mentioned. 0: the peer switched it off. Else the sub-id for messages to the sender of this
    /// dictionary.
    std::array<std::optional<Byte>, extension_count> ids{};
    std::string client;                          // `v`: UTF-8 without control characters, at most max_client_name bytes
    std::optional<std::uint32_t> reqq;           // clamped to 1..max_reqq
    std::optional<std::uint32_t> metadata_size;  // 1..max_advertised_metadata, else absent
    std::optional<std::uint16_t> listen_port;    // `p`: 1..65535, else absent
    std::optional<IpAddress> your_ip;            // how the sender sees us; 4 or 16 bytes, else absent
    std::optional<IpAddress> ipv4;
    std::optional<IpAddress> ipv6;
    std::optional<bool> upload_only;

    std::optional<Byte> id_of(Extension extension) const noexcept { return ids[static_cast<std::size_t>(extension)]; }
    void set_id(Extension extension, Byte id) noexcept { ids[static_cast<std::size_t>(extension)] = id; }
    /// A later handshake of the same peer: what it mentions replaces what was known.
    void merge(const ExtendedHandshake& later);

    friend bool operator==(const ExtendedHandshake&, const ExtendedHandshake&) = default;
};

/// The payload of an Extended message with id 0.
Result<ExtendedHandshake> parse_extended_handshake(Bytes payload);
ByteVector write_extended_handshake(const ExtendedHandshake& handshake);

}  // namespace jst::wire
