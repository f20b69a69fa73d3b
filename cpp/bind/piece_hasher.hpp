// Hashes a stream of bytes piece by piece, as creating a torrent reads it (BEP 3 "pieces").
//
// Whole pieces of one update go to the hasher together, so that it may use its lanes.
#pragma once

#include "codec/sha.hpp"

namespace jst::bind {

class PieceHasher {
  public:
    explicit PieceHasher(std::uint32_t piece_length) : piece_length_(piece_length) {}

    void update(Bytes more);
    /// All digests, 20 bytes each; the last piece may be short. Afterwards as new.
    ByteVector finish();

  private:
    void whole_pieces(Bytes pieces);
    void end_piece();

    std::uint32_t piece_length_;
    std::uint64_t held_ = 0;  // bytes of the piece under way
    codec::Sha1State state_;
    ByteVector digests_;
};

}  // namespace jst::bind
