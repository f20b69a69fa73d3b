// The memory that all peers of a session share while they are read from, one at a time.
//
// Layout of the buffer: [front: room for a linear copy of everything predicted][overflow: what was not predicted], so
// that a failed prediction becomes one contiguous piece of stream. Headers are staged apart. Invariant: used from
// prepare() to the last event of one turn, then free for the next peer.
#pragma once

#include <array>
#include <memory>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "wire/message_codec.hpp"

namespace jst::wire {

/// As many spans as one read or write of the runtime takes.
inline constexpr std::size_t max_spans = 64;
/// Pairs of [header][slot]; one more span for the arriving block's rest, one for the overflow.
inline constexpr std::size_t max_predicted = (max_spans - 2) / 2;
inline constexpr std::size_t scratch_front = max_predicted * (piece_header_size + max_block_length);
/// What an idle peer, or one that surprises us, is read with at once.
inline constexpr std::size_t scratch_overflow = 256 * 1024;

/// An outstanding request and the place its payload belongs to (block.length bytes, at most max_block_length).
struct ExpectedBlock {
    Block block;
    Byte* slot = nullptr;
};

class ReceiveScratch {
  public:
    ReceiveScratch() : buffer_(std::make_unique_for_overwrite<Byte[]>(scratch_front + scratch_overflow)) {}

    Byte* overflow() const noexcept { return buffer_.get() + scratch_front; }

    std::array<ExpectedBlock, max_predicted> expected;
    std::array<PieceHeader, max_predicted> headers;

  private:
    std::unique_ptr<Byte[]> buffer_;
};

}  // namespace jst::wire
