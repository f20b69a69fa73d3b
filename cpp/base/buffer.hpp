// The pool of 16 KiB blocks that payload is received into and served from.
//
// One arena per session that grows by slabs of 2 MiB up to a limit; a free list that hands out the warmest block first.
// A BlockBuffer returns itself. Invariants: 1. in_use() <= limit(); 2. acquire() fails, it never exceeds the limit: the
// caller then stops reading from sockets (back-pressure); 3. every BlockBuffer dies before its pool.
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace jst {

class BufferPool;

class BlockBuffer {
  public:
    BlockBuffer() noexcept = default;
    BlockBuffer(BlockBuffer&& other) noexcept : pool_(other.pool_), data_(other.data_) { other.data_ = nullptr; }
    BlockBuffer& operator=(BlockBuffer&& other) noexcept;
    ~BlockBuffer() { reset(); }

    explicit operator bool() const noexcept { return data_ != nullptr; }
    Byte* data() const noexcept { return data_; }
    MutableBytes span(std::size_t n = block_size) const noexcept { return {data_, n}; }
    void reset() noexcept;

  private:
    friend class BufferPool;
    BlockBuffer(BufferPool* pool, Byte* data) noexcept : pool_(pool), data_(data) {}
    BufferPool* pool_ = nullptr;
    Byte* data_ = nullptr;
};

class BufferPool {
  public:
    /// `limit` in bytes, rounded down to whole blocks, at least one.
    explicit BufferPool(std::uint64_t limit) noexcept;
    BufferPool(const BufferPool&) = delete;
    ~BufferPool();

    /// Empty when the limit is reached.
    BlockBuffer acquire();
    std::uint64_t in_use() const noexcept { return used_ * block_size; }
    std::uint64_t peak() const noexcept { return peak_ * block_size; }
    std::uint64_t limit() const noexcept { return limit_ * block_size; }
    std::uint64_t available() const noexcept { return used_ < limit_ ? (limit_ - used_) * block_size : 0; }
    /// Takes effect for what is acquired from now on.
    void set_limit(std::uint64_t bytes) noexcept;

  private:
    friend class BlockBuffer;
    void release(Byte* block) noexcept;
    void grow();

    struct Unmap {
        void operator()(Byte* slab) const noexcept;
    };
    std::vector<std::unique_ptr<Byte, Unmap>> slabs_;
    std::vector<Byte*> free_;
    std::uint64_t used_ = 0;
    std::uint64_t peak_ = 0;
    std::uint64_t limit_ = 1;
};

}  // namespace jst
