// Bytes on their way, first in first out, in chunks from a pool that all connections of a world share.
//
// One copy in, one copy out; an empty queue holds no memory.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.hpp"

namespace jst::runtime_sim {

class ChunkPool {
  public:
    static constexpr std::size_t chunk_size = 32 * 1024;
    using Chunk = std::unique_ptr<Byte[]>;

    Chunk take();
    void give(Chunk chunk) { free_.push_back(std::move(chunk)); }

  private:
    std::vector<Chunk> free_;
};

class ByteQueue {
  public:
    std::size_t size() const noexcept { return size_; }
    /// Appends the first `most` bytes of the spans, or all if there are fewer; returns how many.
    std::size_t push(ChunkPool& pool, std::span<const Bytes> from, std::size_t most);
    /// Takes at most `most` bytes out, filling the spans in order; returns how many.
    std::size_t pop(ChunkPool& pool, std::span<const MutableBytes> into, std::size_t most);
    /// The byte at `at` from the front, to be changed in place; `at` < size().
    Byte& at(std::size_t at) noexcept;
    void clear(ChunkPool& pool);

  private:
    void append(ChunkPool& pool, Bytes bytes);
    std::size_t take(ChunkPool& pool, MutableBytes into);

    std::deque<ChunkPool::Chunk> chunks_;
    std::size_t front_ = 0;  // offset of the first byte in the first chunk
    std::size_t size_ = 0;
};

}  // namespace jst::runtime_sim
