// The contents of a simulated file: chunks that are made when they are written, holes that read as zeros.
//
// Chunks are shared between the visible and the durable contents until one of them changes. Also the set of allocated
// ranges, in blocks of a disk: what a quota counts.
#pragma once

#include <map>
#include <memory>

#include "base/bytes.hpp"

namespace jst::runtime_sim {

/// Half-open ranges, merged.
class RangeSet {
  public:
    void insert(std::uint64_t begin, std::uint64_t end);
    void erase_from(std::uint64_t begin);
    /// How much of [begin, end) is not in the set.
    std::uint64_t missing(std::uint64_t begin, std::uint64_t end) const;
    std::uint64_t total() const noexcept { return total_; }
    void clear() noexcept { ranges_.clear(), total_ = 0; }
    const std::map<std::uint64_t, std::uint64_t>& ranges() const noexcept { return ranges_; }

  private:
    std::map<std::uint64_t, std::uint64_t> ranges_;  // begin -> end
    std::uint64_t total_ = 0;
};

class SparseBytes {
  public:
    static constexpr std::uint64_t chunk_size = 16 * 1024;

    void write(std::uint64_t offset, Bytes bytes);
    void read(std::uint64_t offset, MutableBytes into) const;
    /// Forgets all from `size` on.
    void truncate(std::uint64_t size);
    /// Makes the chunks that touch [begin, end) those of `source`.
    void share(const SparseBytes& source, std::uint64_t begin, std::uint64_t end);
    /// Bytes of memory that the chunks take, shared ones included.
    std::uint64_t memory() const noexcept;

  private:
    using Chunk = std::shared_ptr<ByteVector>;  // at most chunk_size; what is missing at its end is zeros
    Chunk& writable(std::uint64_t index, std::size_t size);

    std::map<std::uint64_t, Chunk> chunks_;
};

}  // namespace jst::runtime_sim
