// Hashes the pieces of a new torrent, several side by side (BEP 3 "pieces").
//
// The pieces of a group advance together: each step brings the next bytes of every one of them, so that they fill the
// hasher's lanes and nobody needs to hold whole pieces. Knows no names of files.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "codec/sha.hpp"
#include "codec/sha_lanes.hpp"

namespace jst::bind {

class PieceHasher {
  public:
    /// The next `each` bytes of every piece of this group, one after another; of the last that are left it may be less.
    void step(Bytes data, std::size_t each);
    /// A whole group of pieces of `each` bytes out of the page cache, without a copy: step() and end_group() in one.
    /// False, and nothing done, where that cannot be.
    bool group_of_file(int fd, std::uint64_t offset, std::size_t length, std::size_t each);
    /// The group's pieces are complete; the next step begins a new group.
    void end_group();
    /// All digests, 20 bytes each. Afterwards as new.
    ByteVector finish();

  private:
    void feed(std::span<const Bytes> parts);
    void add(const Sha1Digest& digest);

    std::vector<codec::LaneState> lanes_;
    std::vector<codec::Sha1State> plain_;  // where the machine has no lanes
    ByteVector digests_;
};

}  // namespace jst::bind
