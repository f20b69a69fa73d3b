// Messages of the metadata exchange (BEP 9): the info dictionary in pieces of 16 KiB.
//
// Decides what is a well-formed message; knows no torrent, so that a size or piece that differs from what was
// advertised is the owner's to judge. Invariants: 1. `data` has exactly the length that `piece` and `total_size`
// imply; 2. piece < max_metadata_pieces.
#pragma once

#include <variant>

#include "wire/extended.hpp"

namespace jst::wire {

inline constexpr std::uint32_t metadata_piece_size = 16384;
inline constexpr std::uint32_t max_metadata_pieces = max_advertised_metadata / metadata_piece_size;

struct MetadataRequest {
    std::uint32_t piece = 0;
};
struct MetadataData {
    std::uint32_t piece = 0;
    std::uint32_t total_size = 0;
    Bytes data;
};
struct MetadataReject {
    std::uint32_t piece = 0;
};
/// A msg_type from the future: to be ignored (BEP 9).
struct MetadataUnknown {
    std::int64_t type = 0;
};
using MetadataMessage = std::variant<MetadataRequest, MetadataData, MetadataReject, MetadataUnknown>;

/// The length of a piece of a metadata of `total_size` bytes; 0 when there is no such piece.
std::uint32_t metadata_piece_length(std::uint32_t piece, std::uint32_t total_size) noexcept;

/// The payload of an Extended message with our id of ut_metadata. Errors: those of bencode, and bad_message.
Result<MetadataMessage> parse_ut_metadata(Bytes payload);
ByteVector write_ut_metadata(const MetadataMessage& message);

}  // namespace jst::wire
