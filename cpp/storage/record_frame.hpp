// The envelope of a record: magic, version, body, SHA-1. What makes damage and records of the future visible.
//
// Layout: "jst" kind "rec\n" (8 bytes), version (32 bit), body, SHA-1 of everything before it. The frame is the same in
// every version to come, so that a newer record is told from a damaged one.
#pragma once

#include "base/bytes.hpp"

namespace jst::storage {

inline constexpr std::size_t frame_header_bytes = 12;
inline constexpr std::size_t frame_overhead = frame_header_bytes + Sha1Digest::size;

ByteVector frame_record(char kind, std::uint32_t version, Bytes body);
/// The body. Errc::bad_record when damaged or of another kind, Errc::not_supported (detail: version) when newer than
/// `known`.
Result<Bytes> unframe_record(char kind, std::uint32_t known, std::size_t max_bytes, Bytes bytes);

}  // namespace jst::storage
