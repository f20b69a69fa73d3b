// Frames of the peer protocol: [length u32][id u8][body] (BEP 3, 5, 6, 10, 52).
//
// Decides where a frame ends, how long each message may be, and turns bodies into values and back. Knows no stream and
// no order of messages.
// Invariants: 1. frame_needs() judges a frame from its first 5 bytes, before anything of it is kept;
// 2. decode(encode(m)) == m; 3. fixed-size messages have exactly their size, a PIECE at most one block.
#pragma once

#include "wire/message.hpp"

namespace jst::wire {

inline constexpr std::size_t length_prefix_size = 4;
/// [length][id][piece][begin]: everything of a PIECE frame that is not payload.
inline constexpr std::size_t piece_header_size = 13;
/// The longest block a peer may send: nobody here ever asks for more.
inline constexpr std::uint32_t max_block_length = block_size;
/// Default bound of everything of variable size that is not a PIECE (bitfield, extended, hashes, unknown).
inline constexpr std::uint32_t default_max_message_size = 1u << 20;
/// The longest frame of fixed size: HASH_REQUEST with its prefix.
inline constexpr std::size_t max_fixed_frame = 53;

using PieceHeader = std::array<Byte, piece_header_size>;

PieceHeader encode_piece_header(const Block& block) noexcept;
/// The block that a header announces. The header has passed frame_needs().
Block decode_piece_header(Bytes header) noexcept;
/// The id of a frame whose first 5 bytes are there.
inline MessageId frame_id(Bytes frame) noexcept { return MessageId{frame[length_prefix_size]}; }
bool is_known(MessageId id) noexcept;

/// How many bytes from the start of the frame must be there before it can be acted on: 4, 5, the 13 of a PIECE header,
/// the 5 of an unknown message, or the whole frame. Errc::message_too_large or bad_message as soon as the prefix shows
/// it.
Result<std::size_t> frame_needs(Bytes prefix, std::uint32_t max_message_size) noexcept;

/// A whole frame without its length prefix (empty: keep-alive). Views point into `body`.
Result<Message> decode_message(Bytes body) noexcept;
/// The whole frame is appended, payload included. An Unknown is sent as `length` zero bytes (for tests).
void encode_message(ByteVector& out, const Message& message);
ByteVector encode_message(const Message& message);

}  // namespace jst::wire
